export type StopSignal = 'SIGTERM' | 'SIGINT'

/** Ctrl-C reaches a program under npm twice: from the terminal, and a moment later passed on by npm. */
const SAME_WITHIN_MS = 250

/** The signals that ask this process to stop, one after another, from now on. */
export function untilSignalled() {
  const seen: StopSignal[] = []
  let lastAt = Number.NEGATIVE_INFINITY
  let wake: (() => void) | null = null

  function onSignal(signal: StopSignal): void {
    const at = performance.now()
    const isEcho = at - lastAt < SAME_WITHIN_MS
    lastAt = at
    if (isEcho) return
    seen.push(signal)
    wake?.()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)

  return {
    async next(): Promise<StopSignal> {
      for (;;) {
        const signal = seen.shift()
        if (signal !== undefined) return signal
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
