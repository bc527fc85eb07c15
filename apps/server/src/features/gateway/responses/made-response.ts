import type { MadeResponse } from '@turnpike/core/gateway/ports'
import type { Sql } from 'postgres'

/** OpenAI keeps a response for 30 days; who comes back later finds it nowhere. */
export const LOOK_BACK_DAYS = 31

/**
 * Which account made a response of the user, from the ledger; null = none did. Answers that were translated have another
 * id for the caller than for the upstream, and nobody keeps them: they are left out.
 */
export async function madeResponse(
  sql: Sql,
  userId: number,
  responseId: string,
  now: Date,
): Promise<MadeResponse | null> {
  const since = new Date(now.getTime() - LOOK_BACK_DAYS * 86_400_000)
  const [row] = await sql<{ accountId: string; model: string }[]>`
    select account_id::text as "accountId", model from usage_logs
    where upstream_response_id = ${responseId} and user_id = ${userId} and created_at >= ${since}
      and endpoint = '/v1/responses' and protocol = 'responses' and account_id is not null
    order by created_at desc, request_id desc limit 1`
  return row === undefined ? null : { accountId: Number(row.accountId), model: row.model }
}
