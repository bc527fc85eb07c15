import { expect, test } from 'vitest'
import { createRetryBudget, RETRY_BUDGET_MIN } from './retry-budget.ts'

/** Takes extra attempts until none is given; how many there were. */
function takeAll(budget: ReturnType<typeof createRetryBudget>, groupId: number): (() => void)[] {
  const taken: (() => void)[] = []
  for (let extra = budget.takeExtra(groupId); extra !== null; extra = budget.takeExtra(groupId)) taken.push(extra)
  return taken
}

test.each([
  [0, 10],
  [1, 10],
  [50, 10],
  [51, 10],
  [54, 10],
  [55, 11],
  [100, 20],
  [1_003, 200],
])('%i requests in flight allow %i extra attempts', (requests, extra) => {
  const budget = createRetryBudget()
  for (let i = 0; i < requests; i++) budget.enter(1)
  expect(takeAll(budget, 1)).toHaveLength(extra)
})

test('what is given back can be taken again, once', () => {
  const budget = createRetryBudget()
  const [first] = takeAll(budget, 1)
  first?.()
  first?.()
  expect(takeAll(budget, 1)).toHaveLength(1)
})

test('a request that ended counts no more, however often it says so', () => {
  const budget = createRetryBudget()
  const leaves = Array.from({ length: 100 }, () => budget.enter(1))
  leaves[0]?.()
  leaves[0]?.()
  for (const leave of leaves.slice(50)) leave()
  expect(takeAll(budget, 1)).toHaveLength(RETRY_BUDGET_MIN)
})

test('groups do not share a budget', () => {
  const budget = createRetryBudget()
  takeAll(budget, 1)
  expect(budget.takeExtra(1)).toBeNull()
  expect(budget.takeExtra(2)).not.toBeNull()
})

test('a group without requests is forgotten, and begins anew', () => {
  const budget = createRetryBudget()
  const leave = budget.enter(1)
  const extras = takeAll(budget, 1)
  leave()
  for (const end of extras) end()
  budget.enter(1)
  leave()
  expect(takeAll(budget, 1)).toHaveLength(RETRY_BUDGET_MIN)
})
