import type { OpsWindow } from '@turnpike/core/inputs/ops'
import type { PendingQuery, Row } from 'postgres'

/** A part of a statement. */
export type Fragment = PendingQuery<Row[]>

/** What requests are told apart by. */
export type StatFilters = Pick<
  OpsWindow,
  'provider' | 'groupId' | 'accountId' | 'model' | 'endpoint' | 'userId' | 'keyId'
>
