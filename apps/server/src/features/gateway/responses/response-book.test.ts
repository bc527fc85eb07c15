import { ensurePartitions } from '@turnpike/db'
import { freshDatabase } from '@turnpike/db/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { silentLog } from '../../../shared/logger.ts'
import { LOOK_BACK_DAYS, madeResponse } from './made-response.ts'
import { createResponseBook, LEDGER_TIMEOUT_MS, type SharedResponses } from './response-book.ts'

const MADE = { accountId: 7, model: 'a model' }

function sharedMap() {
  const values = new Map<string, string>()
  const ttls: number[] = []
  const shared: SharedResponses = {
    get: async (key) => values.get(key) ?? null,
    async set(key, value, _, seconds) {
      values.set(key, value)
      ttls.push(seconds)
    },
  }
  return { shared, values, ttls }
}

function book({ shared = null, lookUp = async () => null }: Partial<Parameters<typeof createResponseBook>[0]> = {}) {
  return createResponseBook({ shared, lookUp, log: silentLog })
}

describe('who made a response', () => {
  test('is known at once where it was made, to its user alone', async () => {
    const known = book()
    known.remember(1, 'resp_1', MADE)
    expect(known.find(1, 'resp_1')).toEqual(MADE)
    expect(await known.find(2, 'resp_1')).toBeNull()
  })

  test('is known to other instances, for a day', async () => {
    const { shared, ttls } = sharedMap()
    book({ shared }).remember(1, 'resp_1', MADE)
    expect(await book({ shared }).find(1, 'resp_1')).toEqual(MADE)
    expect(await book({ shared }).find(2, 'resp_1')).toBeNull()
    expect(ttls).toEqual([86_400])
  })

  test('is asked of the ledger once where nobody remembers, or what is shared makes no sense', async () => {
    const { shared, values } = sharedMap()
    values.set('response:1:resp_1', 'nonsense')
    const lookUp = vi.fn(async () => MADE)
    const known = book({ shared, lookUp })
    expect(await known.find(1, 'resp_1')).toEqual(MADE)
    expect(await known.find(1, 'resp_1')).toEqual(MADE)
    expect(lookUp).toHaveBeenCalledTimes(1)
  })

  test('does not hang on what is shared: silent for 250 ms, or gone, the ledger is asked', async () => {
    const silent: SharedResponses = { get: () => new Promise(() => {}), set: () => new Promise(() => {}) }
    const gone: SharedResponses = { get: () => Promise.reject(new Error()), set: () => Promise.reject(new Error()) }
    for (const shared of [silent, gone]) {
      const known = book({ shared, lookUp: async () => MADE })
      known.remember(1, 'resp_other', MADE)
      expect(await known.find(1, 'resp_1')).toEqual(MADE)
    }
  })

  test('cannot be told while the ledger is away or silent', async () => {
    const away = book({ lookUp: () => Promise.reject(new Error('no database')) })
    await expect(away.find(1, 'resp_1')).rejects.toMatchObject({ code: 'ledger_unavailable' })
    vi.useFakeTimers()
    try {
      const silent = Promise.resolve(book({ lookUp: () => new Promise(() => {}) }).find(1, 'resp_1'))
      const refused = expect(silent).rejects.toMatchObject({ code: 'ledger_unavailable' })
      await vi.advanceTimersByTimeAsync(LEDGER_TIMEOUT_MS + 1)
      await refused
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('in the ledger', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())
  const now = new Date()

  async function addRow(responseId: string, members: object = {}, daysAgo = 0): Promise<void> {
    const createdAt = new Date(now.getTime() - daysAgo * 86_400_000)
    const row = {
      created_at: createdAt,
      request_id: crypto.randomUUID(),
      endpoint: '/v1/responses',
      protocol: 'responses',
      stream: false,
      status: 200,
      outcome: 'completed',
      user_id: 1,
      key_id: 1,
      group_id: 1,
      account_id: 7,
      model: 'a model',
      upstream_response_id: responseId,
      input_tokens: 0,
      cached_input_tokens: 0,
      cache_write_tokens: 0,
      output_tokens: 0,
      reasoning_tokens: 0,
      estimated: false,
      usage_invalid: false,
      billed_nano: 0,
      rate_multiplier_e4: 10_000,
      price_rule: 'usage',
      attempts: database.sql.json([]),
      decision: database.sql.json({}),
      queue_ms: 0,
      route_ms: 0,
      total_ms: 0,
      client_ip: '',
      ...members,
    }
    await ensurePartitions(database.sql, createdAt)
    await database.sql`insert into usage_logs ${database.sql(row)}`
  }

  test('the newest answer of that id to that user counts', async () => {
    await addRow('resp_1', { account_id: 3 }, 1)
    await addRow('resp_1', { account_id: 4 })
    await addRow('resp_1', { account_id: 5, user_id: 2 })
    expect(await madeResponse(database.sql, 1, 'resp_1', now)).toEqual({ accountId: 4, model: 'a model' })
    expect(await madeResponse(database.sql, 2, 'resp_1', now)).toEqual({ accountId: 5, model: 'a model' })
    expect(await madeResponse(database.sql, 3, 'resp_1', now)).toBeNull()
  })

  test.each([
    ['of chat', { endpoint: '/v1/chat/completions' }, 0],
    ['that was translated', { protocol: 'chat' }, 0],
    ['that reached no account', { account_id: null }, 0],
    ['that is too old', {}, LOOK_BACK_DAYS + 1],
  ])('an answer %s does not', async (why, members, daysAgo) => {
    await addRow(`resp ${why}`, members, daysAgo)
    expect(await madeResponse(database.sql, 1, `resp ${why}`, now)).toBeNull()
  })

  test('it is found by its index', async () => {
    const plan = await database.sql.begin(async (tx) => {
      await tx`set local enable_seqscan = off`
      return tx`explain select account_id from usage_logs where upstream_response_id = 'resp_1' and user_id = 1
        and created_at >= ${new Date(now.getTime() - 86_400_000)} order by created_at desc, request_id desc limit 1`
    })
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('upstream_response_id')
  })
})
