import { windowEnd, windowStarts } from '@turnpike/core/billing/windows'

const DAYS = { day: 1, week: 7, month: 30 } as const

type WindowName = keyof typeof DAYS

/** A window as it is stored: when it began (null = never) and what was spent since. */
export interface StoredWindow {
  startedAt: Date | null
  spentNano: bigint
}

/** A window as it stands now: one that is over has spent nothing, and begins with the next request. */
export interface CurrentWindow {
  spentNano: bigint
  startedAt: string | null
  resetsAt: string | null
}

/** The windows of a subscription at a moment: they are reset when they are next used, so what is stored may be of one that is over. */
export function currentWindows(
  stored: Record<WindowName, StoredWindow>,
  atMs: number,
  timeZone: string,
): Record<WindowName, CurrentWindow> {
  const earliest = windowStarts(atMs, timeZone)

  function current(name: WindowName): CurrentWindow {
    const { startedAt, spentNano } = stored[name]
    if (startedAt === null || startedAt.getTime() < earliest[name]) {
      return { spentNano: 0n, startedAt: null, resetsAt: null }
    }
    const endMs = windowEnd(startedAt.getTime(), DAYS[name], timeZone)
    return { spentNano, startedAt: startedAt.toISOString(), resetsAt: new Date(endMs).toISOString() }
  }

  return { day: current('day'), week: current('week'), month: current('month') }
}
