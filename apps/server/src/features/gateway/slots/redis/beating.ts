import { every } from '../../../../shared/every.ts'
import type { Log } from '../../../../shared/logger.ts'

/** Beats in turn, and once more at once where somebody asks for it. */
export function createBeating(beat: () => Promise<void>, everyMs: number, log: Log) {
  let isAsked = false
  const loop = every(everyMs, beat, log)
  return {
    soon(): void {
      if (isAsked) return
      isAsked = true
      void beat().finally(() => {
        isAsked = false
      })
    },
    stop: loop.stop,
  }
}
