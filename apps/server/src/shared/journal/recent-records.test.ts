import { expect, test } from 'vitest'
import { end } from './__fixtures__/journal-world.ts'
import { createRecentRecords, type Written } from './recent-records.ts'
import { asWritten } from './record.ts'

function written(segment: number, from: number, to: number, ...ids: string[]): Written {
  return { segment, from, to, records: ids.map((id) => asWritten(end(id))) }
}

function idsOf(taken: { records: { requestId: string }[] } | null): string[] | undefined {
  return taken?.records.map(({ requestId }) => requestId)
}

test('what follows a position without a gap is taken together, once, segment by segment', () => {
  const recent = createRecentRecords()
  for (const stretch of [written(1, 0, 10, 'a'), written(1, 10, 30, 'b', 'c'), written(2, 0, 10, 'd')])
    recent.add(stretch)
  const taken = recent.take(1, 0, 100)
  expect(idsOf(taken)).toEqual(['a', 'b', 'c'])
  expect(taken?.position).toBe(30)
  expect(recent.take(1, 0, 100)).toBeNull()
  expect(idsOf(recent.take(2, 0, 100))).toEqual(['d'])
})

test('about so many as are asked for are taken, the rest the next time', () => {
  const recent = createRecentRecords()
  for (let at = 0; at < 4; at++) recent.add(written(1, at, at + 1, `r${at}`))
  expect(idsOf(recent.take(1, 0, 3))).toEqual(['r0', 'r1', 'r2'])
  expect(idsOf(recent.take(1, 3, 3))).toEqual(['r3'])
})

test('before a gap the file has to be read, up to what is known again', () => {
  const recent = createRecentRecords()
  recent.add(written(1, 20, 30, 'later'))
  expect(recent.take(1, 0, 100)).toBeNull()
  expect(recent.nextFrom(1, 0)).toBe(20)
  expect(recent.nextFrom(1, 20)).toBeNull()
  expect(recent.nextFrom(2, 0)).toBeNull()
})

test('it holds so many bytes and no more: the oldest go first', () => {
  const recent = createRecentRecords(30)
  for (let at = 0; at < 4; at++) recent.add(written(1, at * 10, at * 10 + 10, `r${at}`))
  expect(recent.take(1, 0, 100)).toBeNull()
  expect(recent.nextFrom(1, 0)).toBe(20)
  expect(idsOf(recent.take(1, 20, 100))).toEqual(['r2', 'r3'])
})
