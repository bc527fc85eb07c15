import { within } from '../../shared/deadline.ts'

export const LOOK_EVERY_MS = 5_000
const ANSWER_MS = 2_000

/** Whether the database answers, also while nobody writes to it. */
export function createDatabaseWatch(ping: () => Promise<unknown>) {
  let isAway = false

  async function look(): Promise<void> {
    isAway = await within(ANSWER_MS, ping()).then(
      () => false,
      () => true,
    )
  }

  return { look, isAway: () => isAway }
}
