import type { Cancel, RetryBudget } from './ports.ts'

export const RETRY_BUDGET_MIN = 10
export const RETRY_BUDGET_SHARE = 0.2

/** Bounds extra attempts in flight to max(10, 20 % of the requests in flight) per group, so that failover cannot become a storm. */
export function createRetryBudget(): RetryBudget {
  const groups = new Map<number, { requests: number; extra: number }>()

  function groupOf(groupId: number) {
    let group = groups.get(groupId)
    if (group === undefined) {
      group = { requests: 0, extra: 0 }
      groups.set(groupId, group)
    }
    return group
  }

  function leave(groupId: number, member: 'requests' | 'extra'): Cancel {
    let held = true
    return () => {
      if (!held) return
      held = false
      const group = groupOf(groupId)
      group[member]--
      if (group.requests === 0 && group.extra === 0) groups.delete(groupId)
    }
  }

  return {
    enter(groupId) {
      groupOf(groupId).requests++
      return leave(groupId, 'requests')
    },
    takeExtra(groupId) {
      const group = groupOf(groupId)
      if (group.extra + 1 > Math.max(RETRY_BUDGET_MIN, RETRY_BUDGET_SHARE * group.requests)) return null
      group.extra++
      return leave(groupId, 'extra')
    },
  }
}
