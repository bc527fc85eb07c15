import { untrack } from 'svelte'
import type { Query } from '#lib/api/query.svelte.ts'
import { getApp } from '#lib/app-context.ts'

const AT_MOST_EVERY_MS = 1_500
const LOOK_BACK_SECONDS = 4

/** Asks again, while `isOn`, whenever the live feed tells of requests that ended. */
export function followRequests(
  query: Pick<Query<unknown>, 'isLoading' | 'loadedAtMs'>,
  askAgain: () => void,
  isOn: () => boolean,
) {
  const { live } = getApp()

  // A request is in the ledger a moment after the tick that counted it: the ticks just after it look as well.
  $effect(() => {
    void live.version
    if (isOn() && live.state === 'live' && hadRequests() && untrack(isDue)) untrack(askAgain)
  })

  function hadRequests(): boolean {
    const newest = live.ring.newestSecond ?? 0
    return Array.from({ length: LOOK_BACK_SECONDS }, (_, ago) => live.ring.at(newest - ago)).some(
      (tick) => (tick?.qps ?? 0) > 0,
    )
  }

  function isDue(): boolean {
    return !query.isLoading && Date.now() - (query.loadedAtMs ?? 0) >= AT_MOST_EVERY_MS
  }
}
