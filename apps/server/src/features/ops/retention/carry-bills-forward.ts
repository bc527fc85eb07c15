import type { TransactionSql } from 'postgres'

/**
 * Bills of the ledger that is about to go become part of what each balance began with: the sum that explains a balance is
 * the same before and after. Counters of keys and subscriptions hold their sums themselves.
 */
export async function carryBillsForward(tx: TransactionSql, partition: string): Promise<void> {
  await tx`
    with bills as (
      select user_id, sum(billed_nano)::bigint as nano from ${tx(partition)}
      where billing = 'balance' and billed_nano <> 0 group by user_id),
    counted as (update users set billed_nano = billed_nano - nano from bills where id = user_id returning id, nano)
    insert into balance_changes (user_id, kind, amount_nano, reason)
    select id, 'carried_forward', -nano, 'bills that are kept no longer' from counted`
}
