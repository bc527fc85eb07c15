import type { Labels } from '@turnpike/core/alerts/notice'
import { accounts, apiKeys, groups, users } from '@turnpike/db/schema'
import { inArray } from 'drizzle-orm'
import type { AlertTransaction } from './transaction.ts'

const SOURCES = {
  group: { table: groups, id: groups.id, name: groups.name },
  account: { table: accounts, id: accounts.id, name: accounts.name },
  user: { table: users, id: users.id, name: users.email },
  key: { table: apiKeys, id: apiKeys.id, name: apiKeys.name },
} as const

/** What people call the values of these labels today, as a function of labels. */
export async function labelNames(
  tx: Pick<AlertTransaction, 'select'>,
  all: readonly Labels[],
): Promise<(labels: Labels) => Labels> {
  const names = new Map<string, string>()
  for (const [label, { table, id, name }] of Object.entries(SOURCES)) {
    const ids = all.flatMap((labels) => labels[label] ?? []).map(Number)
    if (ids.length === 0) continue
    const rows = await tx
      .select({ id, name })
      .from(table)
      .where(inArray(id, [...new Set(ids)]))
    for (const row of rows) names.set(`${label}|${row.id}`, row.name)
  }
  return (labels) =>
    Object.fromEntries(
      Object.entries(labels).flatMap(([label, value]) => {
        const name = names.get(`${label}|${value}`)
        return name === undefined ? [] : [[label, name]]
      }),
    )
}
