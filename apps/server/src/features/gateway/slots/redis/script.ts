import { hash } from 'node:crypto'
import type { RedisCommands } from '../../../../shared/redis.ts'

export interface Script {
  lua: string
  sha: string
}

export type ScriptValue = string | number | null | ScriptValue[]

export function script(...parts: string[]): Script {
  const lua = parts.join('\n')
  return { lua, sha: hash('sha1', lua) }
}

/** Runs it by its name; a server that does not know it yet is told the whole of it. Rejects when Redis does not answer in time. */
export async function runScript(
  commands: RedisCommands,
  { lua, sha }: Script,
  keys: string[],
  args: (string | number)[],
): Promise<ScriptValue[]> {
  try {
    return asList(await commands.evalsha(sha, keys.length, ...keys, ...args))
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return asList(await commands.eval(lua, keys.length, ...keys, ...args))
  }
}

/** Safe because every script of ours returns a list. */
function asList(reply: unknown): ScriptValue[] {
  if (!Array.isArray(reply)) throw new TypeError('a script of ours gave no list')
  return reply
}
