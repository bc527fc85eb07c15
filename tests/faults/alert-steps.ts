import type { Sql } from 'postgres'

/** One moment on the way of a message from the metrics to the receiver's answer. */
export interface AlertStep {
  name: string
  /** What makes a process stop there: a table nobody may read, a trigger that waits, or a receiver that does not answer. */
  stop: { table: string } | { trigger: string } | 'receiver'
  /** The database hears of the kill before the transaction ends; else after it. */
  isUndone: boolean
  /** Messages the receiver has when the process is killed, and in the end. */
  arrived: number
  inTheEnd: number
}

const LOCK = 7_001

/** evaluate → commit → send → acknowledge (alerts.md, "Delivery"). */
export const ALERT_STEPS: AlertStep[] = [
  before('evaluating: the metrics are being read', { table: 'ops_buckets' }),
  before('evaluating: the event is being written', {
    trigger: 'trigger stop before insert or update on ops_alert_events',
  }),
  before('evaluating: the message is being written', { trigger: 'trigger stop before insert on alert_deliveries' }),
  { ...before('committing, and it is undone', atCommit('insert on alert_deliveries', 'true')), isUndone: true },
  before('committing, and it is done', atCommit('insert on alert_deliveries', 'true')),
  before('sending: the message is being claimed', {
    trigger: `trigger stop before update on alert_deliveries for each row when (new.status = 'sending')`,
  }),
  before('sending: claimed, and not yet sent', atCommit('update on alert_deliveries', `new.status = 'sending'`)),
  after('sending: sent, and not yet answered', 'receiver', 2),
  {
    ...after('acknowledging, and it is undone', atCommit('insert on alert_delivery_attempts', `new.outcome = 'ok'`), 2),
    isUndone: true,
  },
  after('acknowledging, and it is done', atCommit('insert on alert_delivery_attempts', `new.outcome = 'ok'`), 1),
]

function before(name: string, stop: AlertStep['stop']): AlertStep {
  return { name, stop, isUndone: false, arrived: 0, inTheEnd: 1 }
}

function after(name: string, stop: AlertStep['stop'], inTheEnd: number): AlertStep {
  return { name, stop, isUndone: false, arrived: 1, inTheEnd }
}

/** Deferred triggers run when the transaction commits. */
function atCommit(change: string, condition: string): AlertStep['stop'] {
  return {
    trigger: `constraint trigger stop after ${change} deferrable initially deferred for each row when (${condition})`,
  }
}

/** Puts the step's trigger in place; while nobody holds anything it lets everybody pass. */
export async function prepare(sql: Sql, { stop }: AlertStep): Promise<void> {
  if (stop === 'receiver' || 'table' in stop) return
  await sql.unsafe(`create function stop() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock_shared(${LOCK}); return new; end $$`)
  const each = stop.trigger.includes('for each row') ? '' : ' for each row'
  await sql.unsafe(`create ${stop.trigger}${each} execute function stop()`)
}

/** From now on nobody gets past the step; what is returned lets them. */
export async function hold(sql: Sql, { stop }: AlertStep): Promise<() => Promise<void>> {
  if (stop === 'receiver') return async () => {}
  const connection = await sql.reserve()
  await connection`begin`
  await ('table' in stop
    ? connection.unsafe(`lock table ${stop.table} in access exclusive mode`)
    : connection`select pg_advisory_xact_lock(${LOCK})`)
  return async () => {
    await connection`rollback`
    connection.release()
  }
}
