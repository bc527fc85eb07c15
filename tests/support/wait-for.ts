import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 25

/** Looks until `look` finds something, and returns it. Throws what it waited for when it does not come in time. */
export async function waitFor<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs: number,
): Promise<Exclude<T, false | null | undefined>> {
  const giveUpAt = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (isFound(found)) return found
    if (performance.now() > giveUpAt) throw new Error(`Waited ${withinMs} ms for ${what}`)
    await sleep(LOOK_EVERY_MS)
  }
}

function isFound<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined
}
