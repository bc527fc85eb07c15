import type { Db } from '@turnpike/db'

/** The transaction in which a change of state, its events and its messages are written. */
export type AlertTransaction = Parameters<Parameters<Db['db']['transaction']>[0]>[0]
