import postgres from 'postgres'

/**
 * A transaction that survives the loss of its connection: the client would write its ROLLBACK to a connection that is gone,
 * and bring the process down. Rejects with what `work` throws, or with the loss.
 */
export function transaction<T>(sql: postgres.Sql, work: (tx: postgres.TransactionSql) => Promise<T>) {
  return sql.begin(async (tx) => {
    try {
      return await work(tx)
    } catch (error) {
      if (isConnectionLost(error)) return untilClosed
      throw error
    }
  })
}

/** The client itself rejects the transaction when it sees its connection closed. */
const untilClosed = new Promise<never>(() => {})

/** The server's own refusals leave the connection as it is; what else carries a code tells of a connection that is gone. */
function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && !(error instanceof postgres.PostgresError) && 'code' in error
}
