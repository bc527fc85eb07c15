import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Due, STEP_MS, segmentsOf } from './window.ts'

const DAY = STEP_MS.day
const spans = fc
  .tuple(fc.integer({ min: 0, max: 400_000 }), fc.integer({ min: 1, max: 60_000 }))
  .map(([from, length]) => ({ fromMs: from * 10_000, toMs: (from + length) * 10_000 }))
const dues = fc.array(
  fc
    .record({ step: fc.constantFrom('day', 'hour', 'minute'), at: fc.integer({ min: 0, max: 5_000 }) })
    .map(({ step, at }): Due => ({ step, atMs: at * STEP_MS[step] })),
  { maxLength: 30 },
)

test('every moment of a span is read once, and from no row that is due', () => {
  fc.assert(
    fc.property(spans, dues, (span, due) => {
      const segments = segmentsOf(span, due)
      expect(segments[0]?.fromMs).toBe(span.fromMs)
      expect(segments.at(-1)?.toMs).toBe(span.toMs)
      for (const [at, { step, fromMs, toMs }] of segments.entries()) {
        if (at > 0) expect(fromMs).toBe(segments[at - 1]?.toMs)
        expect([fromMs % STEP_MS[step], toMs % STEP_MS[step]]).toEqual([0, 0])
        for (const { step: dueStep, atMs } of due) {
          if (dueStep === step) expect(atMs < fromMs || atMs >= toMs).toBe(true)
        }
      }
    }),
  )
})

test('the coarsest rows that answer are read', () => {
  expect(segmentsOf({ fromMs: DAY - 10_000, toMs: 3 * DAY + 3_600_000 + 60_000 + 10_000 }, [])).toEqual([
    { step: 'bucket', fromMs: DAY - 10_000, toMs: DAY },
    { step: 'day', fromMs: DAY, toMs: 3 * DAY },
    { step: 'hour', fromMs: 3 * DAY, toMs: 3 * DAY + 3_600_000 },
    { step: 'minute', fromMs: 3 * DAY + 3_600_000, toMs: 3 * DAY + 3_660_000 },
    { step: 'bucket', fromMs: 3 * DAY + 3_660_000, toMs: 3 * DAY + 3_670_000 },
  ])
})

test('of a day that is due the hours are read, of a due hour the minutes', () => {
  expect(
    segmentsOf({ fromMs: 0, toMs: DAY }, [
      { step: 'day', atMs: 0 },
      { step: 'hour', atMs: DAY - 3_600_000 },
    ]),
  ).toEqual([
    { step: 'hour', fromMs: 0, toMs: DAY - 3_600_000 },
    { step: 'minute', fromMs: DAY - 3_600_000, toMs: DAY },
  ])
})

test('bounds are taken to whole buckets; what is told by the minute is read from nothing coarser', () => {
  expect(segmentsOf({ fromMs: 59_999, toMs: 120_001 }, [], 'minute')).toEqual([
    { step: 'bucket', fromMs: 50_000, toMs: 60_000 },
    { step: 'minute', fromMs: 60_000, toMs: 120_000 },
    { step: 'bucket', fromMs: 120_000, toMs: 130_000 },
  ])
})
