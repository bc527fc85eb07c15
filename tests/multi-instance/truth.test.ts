import { nearestRank } from '@turnpike/core/ops/nearest-rank'
import { rollUp } from '@turnpike/db'
import { expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import type { Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { startInstances } from './instances.ts'

/** How many; `SOAK_TRUTHS` for the full figure. */
const REQUESTS = Number(process.env.SOAK_TRUTHS ?? 180)
const AT_ONCE = 12
const KNOWN_MS = 10_000
const COUNTED_MS = 90_000
const ACCURACY = 0.01

/** What a caller was told of one request. */
interface Told {
  status: number
  code: string | null
  inputTokens: number
  outputTokens: number
}

interface Asked {
  key: string
  model: string
  prompt: string
}

test.skipIf(redisProgram === null)(
  'what operations tells of three instances is what their callers were told: counts exactly, sums to the nano-dollar',
  async () => {
    await using upstream = await startRawUpstream((response, { body }) => {
      const [, kind = '', tokens = '', ms = ''] = /kind=(\w+) tokens=(\d+) ms=(\d+)/.exec(body) ?? []
      setTimeout(() => answer(kind, Number(tokens), (text, status) => sendJson(response, text, status)), Number(ms))
    })
    await using redis = await startRedisServer()
    await using instances = await startInstances({ count: 3, redisUrl: redis.url })
    const steady = await instances.plant({ accounts: [{ baseUrl: upstream.baseUrl }, { baseUrl: upstream.baseUrl }] })
    const failing = await instances.plant({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const kinds: ((at: number) => Asked)[] = [
      (at) => ({ key: steady.key, model: 'sandbox-small', prompt: `kind=ok tokens=${at % 97} ms=${at % 60}` }),
      (at) => ({ key: steady.key, model: 'sandbox-small', prompt: `kind=ok tokens=${at % 31} ms=${(at * 7) % 90}` }),
      () => ({ key: steady.key, model: 'sandbox-small', prompt: 'kind=bad tokens=0 ms=1' }),
      () => ({ key: steady.key, model: 'nobody-has-it', prompt: 'hello' }),
      () => ({ key: failing.key, model: 'sandbox-small', prompt: 'kind=fail tokens=0 ms=1' }),
      () => ({ key: 'tp-nobody-knows-this-key', model: 'sandbox-small', prompt: 'hello' }),
    ]
    const told: Told[] = []
    for (const instance of instances.all) {
      for (const { key } of [steady, failing]) {
        await waitFor('the tenant to be known', () => isKnown(instance, key, told), KNOWN_MS)
      }
    }
    let next = 0
    const caller = async () => {
      for (let at = next++; at < REQUESTS; at = next++) {
        const instance = instances.all[at % instances.all.length]
        const asked = kinds[Math.floor(at / instances.all.length) % kinds.length]?.(at)
        if (instance === undefined || asked === undefined) throw new Error('there are three, and six kinds')
        told.push(await ask(instance, asked))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, caller))
    const [one] = instances.all
    if (one === undefined) throw new Error('there are three')
    const owner = await signIn(one)

    const expectTruth = async () => {
      const overview = await waitFor(
        'all of them to be counted',
        async () => {
          const found = await owner.ops.overview.query({ range: '6h' })
          return found.requests.total === told.length && found
        },
        COUNTED_MS,
      )
      const count = (matches: (one: Told) => boolean) => told.filter(matches).length
      expect(overview.requests).toEqual({
        total: told.length,
        success: count(({ status }) => status === 200),
        client: count(({ status }) => status >= 400 && status < 500),
        errors: count(({ status }) => status >= 500),
        business: 0,
        clientClosed: 0,
      })
      expect(overview.errors).toMatchObject({
        http4xx: count(({ status }) => status >= 400 && status < 500),
        http5xx: count(({ status }) => status >= 500),
      })
      expect(overview.tokens).toMatchObject({ input: sum('inputTokens'), output: sum('outputTokens') })
      // It is written by somebody else than the counts, usually sooner.
      const ledger = await waitFor(
        'the ledger to have them',
        async () => {
          const rows = await instances.database.sql<LedgerRow[]>`
            select total_ms as "totalMs", ttft_ms as "ttftMs", coalesce(cost_nano, 0)::text as "costNano",
              billed_nano::text as "billedNano", output_tokens::int as "outputTokens" from usage_logs
            where account_id is not null`
          return rows.length >= overview.latency.count && rows
        },
        COUNTED_MS,
      )
      const nano = (of: (row: LedgerRow) => string) =>
        String(ledger.reduce((total, row) => total + BigInt(of(row)), 0n))
      expect(overview.costNano).toBe(nano(({ costNano }) => costNano))
      expect(overview.billedNano).toBe(nano(({ billedNano }) => billedNano))
      expect(ledger.reduce((total, row) => total + row.outputTokens, 0)).toBe(sum('outputTokens'))
      expectPercentiles(
        overview.latency,
        ledger.flatMap(({ totalMs }) => totalMs),
      )
      expectPercentiles(
        overview.ttft,
        ledger.flatMap(({ ttftMs }) => ttftMs ?? []),
      )
      const { items } = await owner.ops.errorDistribution.query({ range: '6h' })
      const byCode = Map.groupBy(
        told.flatMap(({ status, code }) => (status === 200 ? [] : (code ?? ''))),
        (code) => code,
      )
      // The codes of an upstream are one.
      const expected = [...byCode].map(([code, all]) => [
        code === 'context_length_exceeded' ? 'rejected_upstream' : code,
        all.length,
      ])
      expect(
        items
          .filter((item) => item.count > 0)
          .map((item) => [item.id, item.count])
          .toSorted(),
      ).toEqual(expected.toSorted())

      function sum(name: 'inputTokens' | 'outputTokens'): number {
        return told.reduce((total, each) => total + each[name], 0)
      }
    }

    await expectTruth()
    const scraped = await Promise.all(
      instances.all.map(({ origin }) => fetch(`${origin}/metrics`).then((each) => each.text())),
    )
    const metric = (name: string) =>
      scraped
        .flatMap((text) =>
          [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))].map(([, value]) => Number(value)),
        )
        .reduce((a, b) => a + b, 0)
    expect(metric('turnpike_requests_total')).toBe(told.length)
    expect(metric('turnpike_tokens_total')).toBe(
      told.reduce((total, each) => total + each.inputTokens + each.outputTokens, 0),
    )

    const { sql } = instances.database
    await sql`insert into ops_rollups_due (step, bucket)
      select distinct 'minute', date_trunc('minute', bucket) from ops_buckets
      union select distinct 'hour', date_trunc('hour', bucket, 'UTC') from ops_buckets on conflict do nothing`
    await rollUp(sql)
    await expectTruth()
    await owner.$connection.close()
  },
  300_000,
)

interface LedgerRow {
  totalMs: number
  ttftMs: number | null
  costNano: string
  billedNano: string
  outputTokens: number
}

function answer(kind: string, tokens: number, send: (text: string, status: number) => void): void {
  if (kind === 'bad') {
    const error = { message: 'Too long', type: 'invalid_request_error', param: null, code: 'context_length_exceeded' }
    return send(JSON.stringify({ error }), 400)
  }
  if (kind === 'fail') return send('{"error":{"message":"Out of order","type":"server_error"}}', 500)
  const usage = { prompt_tokens: 10 + tokens, completion_tokens: 1 + tokens, total_tokens: 11 + 2 * tokens }
  send(chatAnswer('Hello', { usage }), 200)
}

async function ask({ facts }: Turnpike, { key, model, prompt }: Asked): Promise<Told> {
  const response = await fetch(`${facts.gatewayUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: prompt }] }),
  })
  const { usage, error } = (await response.json()) as {
    usage?: { prompt_tokens: number; completion_tokens: number }
    error?: { code: string | null }
  }
  return {
    status: response.status,
    code: error?.code ?? null,
    inputTokens: usage?.prompt_tokens ?? 0,
    outputTokens: usage?.completion_tokens ?? 0,
  }
}

function expectPercentiles(
  stats: { count: number; p50: number | null; p95: number | null; p99: number | null },
  values: readonly number[],
): void {
  const sorted = values.toSorted((a, b) => a - b)
  expect(stats.count).toBe(sorted.length)
  for (const [name, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    const exact = nearestRank(sorted, share) ?? 0
    expect(Math.abs((stats[name] ?? 0) - exact), name).toBeLessThanOrEqual(exact * ACCURACY)
  }
}

/** Whether an instance knows a key yet; that it does not is a refusal like any other. */
async function isKnown({ facts }: Turnpike, key: string, told: Told[]): Promise<boolean> {
  const response = await fetch(`${facts.gatewayUrl}/models`, { headers: { authorization: `Bearer ${key}` } })
  await response.text()
  if (response.status !== 200)
    told.push({ status: response.status, code: 'invalid_api_key', inputTokens: 0, outputTokens: 0 })
  return response.status === 200
}
