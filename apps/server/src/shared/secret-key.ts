import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const KEY_BYTES = 32

/** A secret key that cannot be used, in words that tell the cure. */
export class SecretKeyError extends Error {
  override readonly name = 'SecretKeyError'
}

/** The master key: given, in a file, or (`mayGenerate`) made once and kept in the data directory. */
export function loadSecretKey(options: {
  key: Buffer | undefined
  file: string | undefined
  dataDir: string
  mayGenerate: boolean
}): Buffer {
  if (options.key !== undefined) return options.key
  if (options.file !== undefined) return readKey(options.file)
  const kept = join(options.dataDir, 'secret.key')
  try {
    return readKey(kept)
  } catch (error) {
    const isMissing =
      error instanceof SecretKeyError && error.cause instanceof Error && codeOf(error.cause) === 'ENOENT'
    if (!options.mayGenerate || !isMissing) throw error
    return generate(kept)
  }
}

function readKey(path: string): Buffer {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SecretKeyError(`The secret key cannot be read from ${path}`, { cause })
  }
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== KEY_BYTES) throw new SecretKeyError(`${path} does not hold ${KEY_BYTES} bytes in base64`)
  return key
}

/** Durable before it is used: data sealed under a key that a power cut took would be lost. */
function generate(path: string): Buffer {
  const key = randomBytes(KEY_BYTES)
  const fd = openSync(`${path}.tmp`, 'w', 0o600)
  writeSync(fd, `${key.toString('base64')}\n`)
  fsyncSync(fd)
  closeSync(fd)
  renameSync(`${path}.tmp`, path)
  return key
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined
}
