import { opsDimensionStats, opsErrorsList, opsMetricsHistory, opsRequestsList } from '@turnpike/core/inputs/ops'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { asAppError } from './as-app-error.ts'

const LISTS: [string, z.ZodType, object, number][] = [
  ['history', opsMetricsHistory, {}, 5_000],
  ['errors', opsErrorsList, {}, 500],
  ['requests', opsRequestsList, {}, 500],
  ['statistics', opsDimensionStats, { groupBy: 'model' }, 500],
]

test.each(LISTS)('a limit of %s is taken at its bounds, and refused by name one past them', (_, input, rest, most) => {
  for (const limit of [1, most]) expect(input.safeParse({ ...rest, limit }).success).toBe(true)
  const refused = (limit: number) => asAppError(input.safeParse({ ...rest, limit }).error)
  expect(refused(most + 1)).toMatchObject({
    reason: 'limit_out_of_range',
    field: 'limit',
    message: `limit is out of range: ${most} at most`,
  })
  expect(refused(0)).toMatchObject({ reason: 'limit_out_of_range', message: 'limit is out of range: 1 at least' })
  expect(refused(1.5)).toMatchObject({ reason: 'invalid_input', field: 'limit' })
})
