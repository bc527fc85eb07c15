import type { Sql, TransactionSql } from 'postgres'

/**
 * Makes transactions survive the loss of their connection: the client would write the next statement, or its ROLLBACK, to a
 * connection that is gone, and bring the process down. They reject with the loss instead, and what still runs in them waits
 * for ever for nothing.
 */
export function guardTransactions(sql: Sql): Sql {
  const begin = sql.begin.bind(sql)

  function guarded(...args: unknown[]): Promise<unknown> {
    const work = args.pop() as (tx: TransactionSql) => unknown
    let isLost = false
    const begun = Reflect.apply(begin, sql, [...args, run])
    begun.catch(() => {
      isLost = true
    })
    return begun

    async function run(tx: TransactionSql): Promise<unknown> {
      try {
        return await work(guardedTransaction(tx, () => isLost))
      } catch (error) {
        if (isLost || isConnectionLost(error)) return LOST
        throw error
      }
    }
  }

  // Safe because it takes and gives what `begin` does.
  return Object.assign(sql, { begin: guarded as Sql['begin'] })
}

/** Statements of a transaction whose connection is gone go nowhere. */
function guardedTransaction(tx: TransactionSql, isLost: () => boolean): TransactionSql {
  return new Proxy(tx, {
    apply: (target, _self, args) => (isLost() ? LOST : Reflect.apply(target, target, args)),
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (name !== 'unsafe' || typeof member !== 'function') return member
      return (...args: unknown[]) => (isLost() ? LOST : Reflect.apply(member, target, args))
    },
  })
}

/** The client itself rejects the transaction when it sees its connection closed: nothing else is to come. */
const LOST: Promise<never> & { values(): unknown; raw(): unknown; execute(): unknown; simple(): unknown } =
  Object.assign(new Promise<never>(() => {}), {
    values: () => LOST,
    raw: () => LOST,
    execute: () => LOST,
    simple: () => LOST,
  })

/** Codes of the client and of the system for a connection that is gone; other errors may carry codes of their own. */
const LOST_CODES = /^(?:CONNECTION_\w+|CONNECT_TIMEOUT|E[A-Z]+)$/

function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOST_CODES.test(String(error.code))
}
