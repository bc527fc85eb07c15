import { describe, expect, test } from 'vitest'
import type { Candidate } from './ports.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { cooling, full, seededRandom, select, session, taken } from './testing/selection.ts'

describe('a session', () => {
  const keys = Array.from({ length: 2_000 }, (_, i) => `3:session-${i}`)
  const chosen = (pool: Candidate[]) => keys.map((key) => taken(pool, session(key)))
  const five = [1, 2, 3, 4, 5].map((id) => fakeCandidate(id))

  test('lands on the same account every time, whatever chance says', () => {
    const random = seededRandom(7)
    const again = keys.map((key) => taken(five, { ...session(key), random }))
    expect(again).toEqual(chosen(five))
  })

  test('sessions spread by the weights', () => {
    const pool = [fakeCandidate(1, { weight: 1 }), fakeCandidate(2, { weight: 3 })]
    const share = chosen(pool).filter((id) => id === 2).length / keys.length
    expect(share).toBeGreaterThan(0.71)
    expect(share).toBeLessThan(0.79)
  })

  test('only those of an account that goes move', () => {
    const before = chosen(five)
    const after = chosen(five.filter(({ accountId }) => accountId !== 3))
    for (const [i, id] of before.entries()) {
      if (id === 3) expect(after[i]).not.toBe(3)
      else expect(after[i]).toBe(id)
    }
  })

  test('those that move when an account comes move to it, about their share', () => {
    const before = chosen(five)
    const after = chosen([...five, fakeCandidate(6)])
    const moved = after.filter((id, i) => id !== before[i])
    expect(moved.every((id) => id === 6)).toBe(true)
    expect(moved.length / keys.length).toBeGreaterThan(1 / 6 - 0.04)
    expect(moved.length / keys.length).toBeLessThan(1 / 6 + 0.04)
  })

  test('stays with its account, loaded or of a later priority', () => {
    const bound = fakeCandidate(2, { priority: 60, live: { inFlight: 9 } })
    expect(select([fakeCandidate(1), bound], session('s', 2))).toMatchObject({
      kind: 'take',
      candidate: { accountId: 2 },
      decision: { rule: 'session', chosen: 2 },
    })
  })

  test.each([
    ['while another is free', fakeCandidate(1), true],
    ['while none is', full(1), false],
  ])('waits for its account where it is full, %s', (_, other, isOtherFree) => {
    expect(select([other, full(2)], session('s', 2))).toMatchObject({
      kind: 'wait_bound',
      candidate: { accountId: 2 },
      isOtherFree,
    })
  })

  test.each([
    ['cools', cooling(fakeCandidate(2), 5), {}],
    ['was tried', fakeCandidate(2), { tried: new Set([2]) }],
    ['is disabled', fakeCandidate(2, { blocked: 'disabled' }), {}],
    ['left the group', fakeCandidate(4), {}],
  ])('leaves an account that %s', (_, bound, input) => {
    expect([1, 3]).toContain(
      taken(
        [fakeCandidate(1), bound, fakeCandidate(3)].filter(({ accountId }) => accountId < 4),
        { ...session('s', 2), ...input },
      ),
    )
  })

  test.each([
    [300, 2],
    [301, 1],
  ])('whose account takes %i ms to its first token, three times its peers’ being 300, goes to %i', (ttftMs, id) => {
    const peer = fakeCandidate(1, { live: { ttftMs: 100 } })
    const slow = fakeCandidate(2, { live: { ttftMs } })
    expect(taken([peer, slow], session('s', 2)) === 2).toBe(id === 2)
  })

  test('that left a slow account does not go back to it', () => {
    const slow = fakeCandidate(2, { live: { ttftMs: 301 } })
    for (const key of keys) expect(taken([fakeCandidate(1, { live: { ttftMs: 100 } }), slow], session(key, 2))).toBe(1)
  })

  test('does not compare with peers of another priority, or never measured', () => {
    const slow = fakeCandidate(2, { live: { ttftMs: 10_000 } })
    const other = fakeCandidate(1, { priority: 60, live: { ttftMs: 1 } })
    expect(taken([slow, other, fakeCandidate(3)], session('s', 2))).toBe(2)
  })

  test('that waited for its account in vain goes to another, and it is told why', () => {
    const waitedFor = new Set([2])
    const selection = select([full(2), fakeCandidate(1), fakeCandidate(3)], { ...session('s', 2), waitedFor })
    expect(selection.kind).toBe('take')
    expect(selection.decision.candidates).toContainEqual({ accountId: 2, reason: 'full' })
  })
})
