import type { Log } from './logger.ts'

export interface Loop {
  /** Resolves when a run that is under way has ended; no other one begins. */
  stop(): Promise<void>
}

/** Runs `work` every `ms`, never twice at once; a failure is logged and does not end the loop. */
export function every(ms: number, work: () => unknown, log: Log): Loop {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= run().finally(() => {
      running = null
    })
  }, ms)

  async function run(): Promise<void> {
    try {
      await work()
    } catch (error) {
      log.error({ err: error }, 'a periodic task failed')
    }
  }

  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
