import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The Chromium that browser tests drive: `CHROMIUM_PATH`, else one on the PATH. */
export function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  return process.env.CHROMIUM_PATH || findOnPath(names)
}

/** The first of these programs that the PATH leads to. */
export function findOnPath(names: string[]): string | undefined {
  const dirs = (process.env.PATH ?? '').split(delimiter)
  return names.flatMap((name) => dirs.map((dir) => join(dir, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
