import { describe, expect, test } from 'vitest'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { CLOCK_START_MS } from './testing/fake-clock.ts'
import { broken, cooling, full, select, session, taken } from './testing/selection.ts'

describe('a response is gone on from by the account that made it', () => {
  const three = () => [1, 2, 3].map((id) => fakeCandidate(id, { priority: id }))

  test('whatever its priority, its load or the session say', () => {
    expect(taken(three(), { madeBy: 3, ...session('s', 1) })).toBe(3)
    expect(select(three(), { madeBy: 3 }).decision).toEqual({
      rule: 'response',
      chosen: 3,
      candidates: [
        { accountId: 3, reason: null },
        { accountId: 1, reason: 'not_maker' },
        { accountId: 2, reason: 'not_maker' },
      ],
      omitted: 0,
    })
  })

  test('it is waited for while it is full, as if nobody else were there', () => {
    const selection = select([fakeCandidate(1), full(2)], { madeBy: 2 })
    expect(selection).toMatchObject({ kind: 'wait_bound', candidate: { accountId: 2 }, isOtherFree: false })
  })

  test.each([
    ['cools', () => cooling(fakeCandidate(2), 7_000), 7_000],
    ['is disabled', () => fakeCandidate(2, { blocked: 'disabled' }), null],
    ['has failed this request', () => fakeCandidate(2), 0],
  ])('nobody stands in where it %s', (_, maker, returnsInMs) => {
    const tried = new Set(returnsInMs === 0 ? [2] : [])
    const selection = select([fakeCandidate(1), maker()], { madeBy: 2, tried })
    const returnsAtMs = returnsInMs === null ? null : CLOCK_START_MS + returnsInMs
    expect(selection).toMatchObject({ kind: 'none', returnsAtMs, decision: { rule: 'response', chosen: null } })
  })

  test('a broken one is asked again only when all are broken', () => {
    expect(taken([fakeCandidate(1), broken(fakeCandidate(2))], { madeBy: 2 })).toBeNull()
    expect(taken([broken(fakeCandidate(1)), broken(fakeCandidate(2))], { madeBy: 2 })).toBe(2)
  })
})

describe('encrypted reasoning', () => {
  const pool = () => [
    fakeCandidate(1, { priority: 1, affinityDomain: 'a' }),
    fakeCandidate(2, { priority: 2, affinityDomain: 'b' }),
    fakeCandidate(3, { priority: 3, affinityDomain: 'a' }),
  ]
  const encrypted = { hasEncryptedReasoning: true }

  test('goes to the account the session is bound to', () => {
    expect(taken(pool(), { ...encrypted, ...session('s', 2) })).toBe(2)
  })

  test('goes back to the account that wrote it, also when it has lost the session', () => {
    expect(taken(pool(), { ...encrypted, ...session('s', null, 2) })).toBe(2)
    expect(select(pool(), { ...encrypted, ...session('s', null, 2) }).decision.rule).toBe('affinity')
  })

  test('goes to another of its domain, before any of a better priority', () => {
    const [writer, ...others] = pool()
    const selection = select(writer ? [cooling(writer, 5_000), ...others] : [], {
      ...encrypted,
      ...session('s', null, 1),
    })
    expect(selection.decision).toMatchObject({
      rule: 'affinity',
      chosen: 3,
      candidates: [{ accountId: 3 }, { accountId: 1, reason: 'cooling' }, { accountId: 2, reason: 'other_domain' }],
    })
  })

  test('goes to any where none of its domain is free, or it has none', () => {
    const waitedFor = new Set([3])
    expect(taken(pool(), { ...encrypted, ...session('s', null, 1), tried: new Set([1]), waitedFor })).toBe(2)
    const alone = [fakeCandidate(1, { blocked: 'error' }), fakeCandidate(2), fakeCandidate(3, { priority: 60 })]
    expect(taken(alone, { ...encrypted, ...session('s', null, 1) })).toBe(2)
  })

  test('leaves a slow account for another of its domain', () => {
    const slow = fakeCandidate(1, { affinityDomain: 'a', live: { ttftMs: 4_000 } })
    const peers = [
      fakeCandidate(2, { affinityDomain: 'b', live: { ttftMs: 1_000 } }),
      fakeCandidate(3, { affinityDomain: 'a', live: { ttftMs: 1_000 } }),
    ]
    expect(taken([slow, ...peers], { ...encrypted, ...session('s', 1) })).toBe(3)
  })

  test('without it, domains say nothing', () => {
    expect(taken(pool(), session('s', null, 3))).toBe(1)
  })
})
