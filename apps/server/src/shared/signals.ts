export type StopSignal = 'SIGTERM' | 'SIGINT'

/** The signals that ask this process to stop, one after another. After `close` they have their usual effect again. */
export function untilSignalled() {
  const seen: StopSignal[] = []
  let wake: (() => void) | null = null

  function onSignal(signal: StopSignal): void {
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
    close(): void {
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
    },
  }
}
