import { type DestinationStream, destination as fileDestination, pino } from 'pino'
import { redact, redactText } from './redact.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Fields are flat: nested objects, buffers and functions never reach the log. `err` takes any thrown value. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
  /** The same log with these fields on every line. */
  child(fields: Record<string, unknown>): Log
}

interface LoggerOptions {
  level: LogLevel
  /** File that is appended to (made with mode 0600), or a stream; default standard output. */
  destination?: string | DestinationStream
}

/** JSON lines, redacted by construction: what is printed is chosen, not what is hidden. `close` writes what is buffered. */
export function createLogger({ level, destination }: LoggerOptions): { log: Log; close(): Promise<void> } {
  const file =
    typeof destination === 'string' ? fileDestination({ dest: destination, mkdir: true, mode: 0o600 }) : undefined
  const stream = file ?? (typeof destination === 'object' ? destination : process.stdout)
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
  return { log: wrap(logger), close: () => closeFile(file) }
}

/** Drops everything: for tests and one-off commands. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }

function wrap(logger: pino.Logger): Log {
  return {
    debug: (fields, message) => logger.debug(redact(fields), redactText(message)),
    info: (fields, message) => logger.info(redact(fields), redactText(message)),
    warn: (fields, message) => logger.warn(redact(fields), redactText(message)),
    error: (fields, message) => logger.error(redact(fields), redactText(message)),
    child: (fields) => wrap(logger.child(redact(fields))),
  }
}

function closeFile(file: ReturnType<typeof fileDestination> | undefined): Promise<void> {
  if (!file) return Promise.resolve()
  return new Promise((resolve) => {
    file.once('close', resolve)
    file.once('error', () => resolve())
    file.end()
  })
}
