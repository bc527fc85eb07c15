import { expect, test } from 'vitest'
import { isNarrowed, readAlertFilters, readDeliveryFilters, toDeliveriesInput, toEventsInput } from './alert-filters.ts'

const NOW_MS = Date.UTC(2026, 4, 8)
const WEEK_AGO = '2026-05-01T00:00:00.000Z'

test('an address without filters shows the last seven days', () => {
  const filters = readAlertFilters(new URLSearchParams())
  expect(isNarrowed(filters)).toBe(false)
  expect(toEventsInput(filters, NOW_MS)).toEqual({ from: WEEK_AGO })
})

test('what the address says is asked; what makes no sense counts as not given', () => {
  const filters = readAlertFilters(new URLSearchParams('severity=critical&status=firing&rule=7&range=1h'))
  expect(isNarrowed(filters)).toBe(true)
  expect(toEventsInput(filters, NOW_MS)).toEqual({
    severity: 'critical',
    status: 'firing',
    ruleId: 7,
    from: '2026-05-07T23:00:00.000Z',
  })
  const mangled = readAlertFilters(new URLSearchParams('severity=awful&status=x&rule=-1&range=9y'))
  expect(toEventsInput(mangled, NOW_MS)).toEqual({ from: WEEK_AGO })
})

test('deliveries are narrowed by channel, state and kind', () => {
  const filters = readDeliveryFilters(new URLSearchParams('channel=3&status=dead&kind=firing'))
  expect(toDeliveriesInput(filters, NOW_MS)).toEqual({
    channelId: 3,
    status: 'dead',
    kind: 'firing',
    from: WEEK_AGO,
  })
})
