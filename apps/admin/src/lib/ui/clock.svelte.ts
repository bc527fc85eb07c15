const STEP_MS = 1_000

/** The time, once a second while somebody shows it: for ages and countdowns. */
export function createClock() {
  let nowMs = $state(Date.now())
  $effect(() => {
    const timer = setInterval(() => {
      nowMs = Date.now()
    }, STEP_MS)
    return () => clearInterval(timer)
  })
  return {
    get nowMs() {
      return nowMs
    },
  }
}
