import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 25
/** Limits are for what never comes: a machine that is busy or slow is not at fault. */
const PATIENCE = 6

/**
 * Looks until `look` finds something, and returns it. Throws what it waited for when it has not come in several times the
 * time it takes at most on a machine of its own, `withinMs`.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs: number,
): Promise<Exclude<T, false | null | undefined>> {
  const patienceMs = withinMs * PATIENCE
  const giveUpAt = performance.now() + patienceMs
  for (;;) {
    const found = await look()
    if (isFound(found)) return found
    if (performance.now() > giveUpAt) throw new Error(`Waited ${patienceMs} ms for ${what}`)
    await sleep(LOOK_EVERY_MS)
  }
}

function isFound<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined
}
