import { auditList } from '@turnpike/core/inputs/audit'
import { expect, test } from 'vitest'
import { isFiltered, readAuditFilters } from './audit-filters.ts'

test('an address is read, and what makes no sense in it counts as not given', () => {
  const filters = readAuditFilters(new URLSearchParams('by=robot&action=users.update&from=never&id= 7 '))
  expect(filters).toEqual({ action: 'users.update', targetId: '7' })
  expect(isFiltered(filters)).toBe(true)
  expect(isFiltered(readAuditFilters(new URLSearchParams('by=robot')))).toBe(false)
})

test('whatever an address holds, the server can be asked it', () => {
  const params = new URLSearchParams({ by: 'token', from: '2026-01-01', to: '2026-02-01', target: 'x'.repeat(400) })
  expect(auditList.safeParse(readAuditFilters(params)).success).toBe(true)
})
