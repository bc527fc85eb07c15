import { describe, expect, test } from 'vitest'
import { applyAccountEvent } from './account-state.ts'
import type { Candidate } from './ports.ts'
import { decidedByWaiting, MAX_RECORDED_CANDIDATES, type SelectionInput } from './select-account.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { CLOCK_START_MS } from './testing/fake-clock.ts'
import { broken, cooling, full, seededRandom, select, taken } from './testing/selection.ts'

/** How often each account is drawn. */
function drawn(candidates: Candidate[], times = 10_000): Record<number, number> {
  const random = seededRandom(1)
  const counts: Record<number, number> = {}
  for (let i = 0; i < times; i++) {
    const id = taken(candidates, { random }) ?? -1
    counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}

describe('no account takes a request that is', () => {
  test.each<[string, Candidate, Partial<SelectionInput>, string]>([
    ['disabled', fakeCandidate(1, { blocked: 'disabled' }), {}, 'disabled'],
    ['unschedulable', fakeCandidate(1, { blocked: 'unschedulable' }), {}, 'unschedulable'],
    ['expired at this moment', fakeCandidate(1, { expiresAtMs: CLOCK_START_MS }), {}, 'expired'],
    ['tried already', fakeCandidate(1), { tried: new Set([1]) }, 'tried'],
    ['cooling', cooling(fakeCandidate(1), 1), {}, 'cooling'],
  ])('%s', (_, candidate, input, reason) => {
    const selection = select([candidate], input)
    expect(selection.kind).toBe('none')
    expect(selection.decision).toEqual({
      rule: 'none',
      chosen: null,
      candidates: [{ accountId: 1, reason }],
      omitted: 0,
    })
  })

  test('cooling for this model, while it takes others', () => {
    const candidate = fakeCandidate(1)
    const nowMs = CLOCK_START_MS
    applyAccountEvent(candidate.live.health, { kind: 'rate_limited', retryAfterMs: 10 }, { model: 'up-model', nowMs })
    expect(select([candidate]).decision.candidates).toEqual([{ accountId: 1, reason: 'model_cooling' }])
    expect(taken([{ ...candidate, upstreamModel: 'other' }])).toBe(1)
  })
})

test.each([
  ['expires a moment later', fakeCandidate(1, { expiresAtMs: CLOCK_START_MS + 1 })],
  ['has cooled down at this moment', cooling(fakeCandidate(1), 0)],
  ['has no limit, however busy', fakeCandidate(1, { concurrency: 0, live: { inFlight: 10_000 } })],
  ['has one place left', fakeCandidate(1, { concurrency: 2, live: { inFlight: 1 } })],
])('an account that %s is taken', (_, candidate) => {
  expect(taken([candidate])).toBe(1)
})

describe('when nobody can be asked', () => {
  test('the first return of those that may return is told', () => {
    const returns = select([
      cooling(fakeCandidate(1), 9_000),
      cooling(fakeCandidate(2), 4_000),
      fakeCandidate(3, { blocked: 'error' }),
      fakeCandidate(4, { expiresAtMs: CLOCK_START_MS - 1 }),
    ])
    expect(returns).toMatchObject({ kind: 'none', returnsAtMs: CLOCK_START_MS + 4_000 })
  })

  test('nothing is told where none will return by itself', () => {
    expect(select([fakeCandidate(1, { blocked: 'error' })])).toMatchObject({ kind: 'none', returnsAtMs: null })
  })
})

describe('priority', () => {
  test('the lowest that has a free account wins, however loaded', () => {
    const busy = fakeCandidate(1, { priority: 10, live: { inFlight: 9, ttftMs: 9_000 } })
    expect(taken([busy, fakeCandidate(2, { priority: 20 })])).toBe(1)
  })

  test('a full or cooling one is passed by', () => {
    expect(taken([full(1, { priority: 10 }), fakeCandidate(2, { priority: 20 })])).toBe(2)
    expect(taken([cooling(fakeCandidate(1, { priority: 10 }), 5), fakeCandidate(2, { priority: 20 })])).toBe(2)
  })
})

describe('without a session', () => {
  test.each([
    ['10 points over the lowest load is drawn', 0, 1, true],
    ['more than 10 points over it is not', 0, 2, false],
    ['the waiting count as load', 1, 1, false],
  ])('an account %s', (_, waiting, inFlight, isDrawn) => {
    const counts = drawn([fakeCandidate(1), fakeCandidate(2, { live: { inFlight, waiting } })], 500)
    expect((counts[2] ?? 0) > 0).toBe(isDrawn)
  })

  test.each([
    ['1.5 × the best time to first token is drawn', 150, true],
    ['a slower one is not', 151, false],
    ['one that was never measured is drawn', null, true],
  ])('%s', (_, ttftMs, isDrawn) => {
    const counts = drawn([fakeCandidate(1, { live: { ttftMs: 100 } }), fakeCandidate(2, { live: { ttftMs } })], 500)
    expect((counts[2] ?? 0) > 0).toBe(isDrawn)
  })

  test('the best time is that of the lightly loaded', () => {
    const loadedButFast = fakeCandidate(1, { live: { inFlight: 9, ttftMs: 10 } })
    expect(drawn([loadedButFast, fakeCandidate(2, { live: { ttftMs: 500 } })], 100)).toEqual({ 2: 100 })
  })

  test('the draw follows the weights', () => {
    const counts = drawn([
      fakeCandidate(1, { weight: 1 }),
      fakeCandidate(2, { weight: 3 }),
      fakeCandidate(3, { weight: 6 }),
    ])
    expect(counts[1]).toBeGreaterThan(900)
    expect(counts[1]).toBeLessThan(1_100)
    expect(counts[2]).toBeGreaterThan(2_850)
    expect(counts[2]).toBeLessThan(3_150)
  })

  test('a weight of nothing is drawn by nobody, unless there is nobody else', () => {
    expect(drawn([fakeCandidate(1, { weight: 0 }), fakeCandidate(2)], 500)).toEqual({ 2: 500 })
    expect(taken([fakeCandidate(1, { weight: 0 }), fakeCandidate(2, { weight: 0 })])).not.toBeNull()
  })

  test.each([0, 1 - 2 ** -53])('the ends of chance draw somebody: %d', (value) => {
    expect([1, 2, 3]).toContain(
      taken(
        [1, 2, 3].map((id) => fakeCandidate(id)),
        { random: () => value },
      ),
    )
  })
})

describe('all full', () => {
  test('the least loaded is queued for first', () => {
    const pool = [1, 2, 3].map((id) => full(id, { live: { waiting: [5, 1, 3][id - 1] ?? 0 } }))
    const selection = select(pool)
    expect(selection.kind === 'wait' && selection.order.map(({ accountId }) => accountId)).toEqual([2, 3, 1])
    expect(selection.decision).toMatchObject({ rule: 'load', chosen: null })
  })
})

describe('breakers', () => {
  test('keep their accounts out while another is there', () => {
    expect(taken([broken(fakeCandidate(1)), fakeCandidate(2)])).toBe(2)
  })

  test('fail open where every account would be out', () => {
    expect([1, 2]).toContain(taken([broken(fakeCandidate(1)), broken(fakeCandidate(2))]))
  })

  test('do not open for accounts that cool for another reason', () => {
    expect(select([cooling(broken(fakeCandidate(1)), 60_000)]).kind).toBe('none')
  })

  test('do not open for a request that has just seen one fail', () => {
    const input = { tried: new Set([1]) }
    expect(select([broken(fakeCandidate(1)), broken(fakeCandidate(2))], input).kind).toBe('none')
  })

  test('a probe under way keeps others out', () => {
    const probed = broken(fakeCandidate(1))
    probed.live.health.breaker.openUntilMs = CLOCK_START_MS
    expect(taken([probed, full(2)])).toBe(1)
    probed.live.health.breaker.probing = true
    expect(select([probed, full(2)]).kind).toBe('wait')
    expect(select([probed, full(2)]).decision.candidates[0]).toEqual({ accountId: 1, reason: 'probing' })
  })
})

describe('the decision', () => {
  test('says of each candidate why it was passed over', () => {
    const pool = [
      fakeCandidate(1, { priority: 10, live: { ttftMs: 100 } }),
      fakeCandidate(2, { priority: 10, live: { inFlight: 5 } }),
      fakeCandidate(3, { priority: 10, live: { ttftMs: 900 } }),
      full(4, { priority: 10 }),
      fakeCandidate(5, { priority: 20 }),
    ]
    expect(select(pool).decision).toEqual({
      rule: 'load',
      chosen: 1,
      candidates: [
        { accountId: 1, reason: null },
        { accountId: 2, reason: 'more_loaded' },
        { accountId: 3, reason: 'slower' },
        { accountId: 4, reason: 'full' },
        { accountId: 5, reason: 'lower_priority' },
      ],
      omitted: 0,
    })
  })

  test('says so where chance decided, or nothing had to be decided', () => {
    expect(select([fakeCandidate(1), fakeCandidate(2)], { random: () => 0 }).decision.candidates[1]).toEqual({
      accountId: 2,
      reason: 'not_drawn',
    })
    expect(select([fakeCandidate(1)]).decision.rule).toBe('only')
  })

  test('lists five, the chosen one first, and counts the rest', () => {
    const pool = Array.from({ length: 500 }, (_, i) => fakeCandidate(i + 1))
    const { decision } = select(pool, { random: () => 0.999 })
    expect(decision.candidates).toHaveLength(MAX_RECORDED_CANDIDATES)
    expect(decision.candidates[0]).toEqual({ accountId: decision.chosen, reason: null })
    expect(decision.omitted).toBe(495)
    expect(JSON.stringify(decision).length).toBeLessThan(2_048)
  })

  test('to wait becomes that for the account that came free, which is told first', () => {
    const pool = [full(1), full(2, { live: { waiting: 1 } })]
    expect(decidedByWaiting(select(pool).decision, 2)).toEqual({
      rule: 'load',
      chosen: 2,
      candidates: [
        { accountId: 2, reason: null },
        { accountId: 1, reason: 'full' },
      ],
      omitted: 0,
    })
    const many = Array.from({ length: 7 }, (_, i) => full(i + 1))
    const { candidates, omitted } = decidedByWaiting(select(many).decision, 7)
    expect(candidates.map(({ accountId }) => accountId)).toEqual([7, 1, 2, 3, 4])
    expect(omitted).toBe(2)
  })
})
