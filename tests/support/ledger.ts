import postgres from 'postgres'

export interface LedgerRow {
  requestId: string
  outcome: string
  status: number
  rows: number
}

/** Every request of the ledger with how many rows it has. */
export async function readLedger(databaseUrl: string): Promise<Map<string, LedgerRow>> {
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 10, onnotice: () => {} })
  try {
    const rows = await sql<LedgerRow[]>`
      select request_id as "requestId", min(outcome) as outcome, min(status) as status, count(*)::int as rows
      from usage_logs group by request_id`
    return new Map(rows.map((row) => [row.requestId, row]))
  } finally {
    await sql.end({ timeout: 5 })
  }
}
