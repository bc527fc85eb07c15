import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Member, Roster } from './roster.ts'

test('lists whom a set would, whoever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), (visits) => {
      const members: Member[] = Array.from({ length: 10 }, () => ({ place: -1 }))
      const roster = new Roster<Member>()
      const expected = new Set<Member>()
      for (const visit of visits) {
        const member = members[visit] ?? { place: -1 }
        if (expected.has(member)) {
          expect(roster.remove(member)).toBe(true)
          expected.delete(member)
        } else {
          roster.add(member)
          expected.add(member)
        }
        expect(new Set(roster.all())).toEqual(expected)
        expect(roster.size).toBe(expected.size)
      }
    }),
  )
})

test('whoever is not here cannot leave, twice no more than once', () => {
  const roster = new Roster<Member>()
  const [here, stranger] = [{ place: -1 }, { place: -1 }]
  roster.add(here)
  expect(roster.remove(stranger)).toBe(false)
  expect(roster.remove(here)).toBe(true)
  expect(roster.remove(here)).toBe(false)
  expect(roster.size).toBe(0)
})
