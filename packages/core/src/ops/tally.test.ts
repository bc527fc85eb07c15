import { expect, test } from 'vitest'
import { type EndedRequest, endedRefusal } from './ended-request.ts'
import { mergeBins } from './histogram.ts'
import { createTally, type TallyRow } from './tally.ts'

const ENDED: EndedRequest = {
  endedAtMs: 0,
  endpoint: '/v1/responses',
  model: 'm',
  userId: 1,
  keyId: 2,
  groupId: 3,
  accountId: 4,
  status: 200,
  outcome: 'completed',
  code: null,
  usage: { inputTokens: 10, cachedInputTokens: 4, outputTokens: 5 },
  costNano: 7,
  billedNano: 9,
  attempts: [{ accountId: 4, status: 200, reason: null }],
  times: { latencyMs: 100, ttftMs: 20, gatewayMs: 1 },
}

function tallied(ended: readonly EndedRequest[], options: { maxTuples?: number } = {}) {
  const tally = createTally({ providerOf: (id) => `p${id}`, ...options })
  for (const request of ended) tally.count(request)
  return tally
}

function only(rows: readonly TallyRow[], dimension: TallyRow['dimension']): Partial<TallyRow>[] {
  return rows.filter((row) => row.dimension === dimension)
}

test('a request counts for its tuple, its user and its key', () => {
  const rows = tallied([ENDED, ENDED]).rows()
  const sums = {
    requests: 2,
    successes: 2,
    inputTokens: 20,
    cachedInputTokens: 8,
    outputTokens: 10,
    costNano: 14,
    billedNano: 18,
  }
  expect(only(rows, 'tuple')).toEqual([
    expect.objectContaining({
      ...sums,
      provider: 'p4',
      groupId: 3,
      accountId: 4,
      model: 'm',
      endpoint: '/v1/responses',
      attempts: 2,
    }),
  ])
  expect(only(rows, 'user')).toEqual([expect.objectContaining({ ...sums, userId: 1, accountId: null, attempts: 0 })])
  expect(only(rows, 'key')).toEqual([expect.objectContaining({ ...sums, keyId: 2 })])
  expect(only(rows, 'error')).toEqual([])
})

test('the row of all is the sum of the tuples, times and attempts included', () => {
  const attempts = [
    { accountId: 5, status: 429, reason: 'upstream_rate_limit' },
    { accountId: 4, status: 200, reason: null },
  ]
  const rows = tallied([ENDED, { ...ENDED, model: 'other', attempts }, { ...ENDED, times: null }]).rows()
  const [all, ...more] = only(rows, 'all')
  expect(more).toEqual([])
  for (const name of [
    'requests',
    'successes',
    'attempts',
    'failedAttempts',
    'accountSwitches',
    'upstream429',
    'costNano',
  ] as const)
    expect(all?.[name], name).toBe(only(rows, 'tuple').reduce((sum, row) => sum + (row[name] ?? 0), 0))
  expect(all).toMatchObject({ requests: 3, attempts: 4, failedAttempts: 1, accountSwitches: 1, upstream429: 1 })
  expect(all?.latency?.bins()).toEqual(mergeBins(only(rows, 'tuple').map(({ latency }) => latency?.bins() ?? [])))
})

test('an attempt counts where it was made, the request where it ended', () => {
  const attempts = [
    { accountId: 5, status: 429, reason: 'upstream_rate_limit' },
    { accountId: 6, status: 529, reason: 'upstream_overloaded' },
    { accountId: 4, status: 200, reason: null },
  ]
  const rows = tallied([{ ...ENDED, attempts }]).rows()
  const byAccount = new Map(only(rows, 'tuple').map((row) => [row.accountId, row]))
  expect(byAccount.get(5)).toMatchObject({
    requests: 0,
    attempts: 1,
    failedAttempts: 1,
    upstream429: 1,
    upstream529: 0,
  })
  expect(byAccount.get(6)).toMatchObject({
    requests: 0,
    attempts: 1,
    failedAttempts: 1,
    upstream429: 0,
    upstream529: 1,
  })
  expect(byAccount.get(4)).toMatchObject({ requests: 1, attempts: 1, failedAttempts: 0, accountSwitches: 2 })
  expect(only(rows, 'error')).toEqual([
    expect.objectContaining({ code: 'upstream_rate_limit', accountId: 5, requests: 0, failedAttempts: 1 }),
    expect.objectContaining({ code: 'upstream_overloaded', accountId: 6, requests: 0, failedAttempts: 1 }),
  ])
})

test('an attempt that told the caller of his own mistake has not failed', () => {
  const attempts = [{ accountId: 4, status: 400, reason: 'upstream_failed' }]
  const rows = tallied([
    { ...ENDED, outcome: 'rejected_upstream', status: 400, code: 'rejected_upstream', attempts },
  ]).rows()
  expect(rows.map(({ attempts: made, failedAttempts }) => [made, failedAttempts])).toEqual([
    [1, 0],
    [1, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ])
})

test.each<[Partial<EndedRequest>, object]>([
  [
    { outcome: 'client_closed', status: 499, code: null },
    { clientClosed: 1, http4xx: 0, errors: 0, successes: 0 },
  ],
  [{ outcome: 'incomplete' }, { successes: 1 }],
  [
    { outcome: 'failed', status: 429, code: 'queue_full' },
    { businessLimited: 1, http4xx: 1, errors: 0 },
  ],
  [
    { outcome: 'rejected_upstream', status: 400, code: 'rejected_upstream' },
    { clientErrors: 1, http4xx: 1, errors: 0 },
  ],
  [
    { outcome: 'exhausted', status: 504, code: 'upstream_timeout' },
    { errors: 1, http5xx: 1, timeouts: 1 },
  ],
  [
    { outcome: 'exhausted', status: 429, code: 'upstream_rate_limit' },
    { errors: 1, http4xx: 1 },
  ],
])('%j counts as %j', (ended, counts) => {
  expect(tallied([{ ...ENDED, ...ended }]).rows()[0]).toMatchObject(counts)
})

test('what reached no upstream has no times; of a client’s mistake the model is not told apart', () => {
  const refusal = endedRefusal({
    requestId: 'r',
    clientRequestId: null,
    createdAtMs: 0,
    endedAtMs: 1,
    code: 'model_not_found',
    status: 404,
    endpoint: '/v1/responses',
    path: '/v1/responses',
    stream: true,
    model: 'made-up-by-somebody',
    userId: null,
    keyId: null,
    groupId: null,
    clientIp: '192.0.2.1',
    userAgent: null,
    totalMs: 1,
  })
  const rows = tallied([refusal]).rows()
  expect(rows.map(({ dimension, model, code }) => [dimension, model, code])).toEqual([
    ['tuple', null, null],
    ['all', null, null],
    ['error', null, 'model_not_found'],
  ])
  expect(rows[0]?.latency?.count).toBe(0)
})

test('tuples beyond the bound are counted together, none is lost', () => {
  const ended = Array.from({ length: 12 }, (_, index) => ({ ...ENDED, model: `m${index % 6}` }))
  const tally = tallied(ended, { maxTuples: 4 })
  const rows = only(tally.rows(), 'tuple')
  expect(rows).toHaveLength(5)
  expect(rows.at(-1)).toMatchObject({ isOther: true, requests: 4, model: null })
  expect(rows.reduce((sum, { requests = 0 }) => sum + requests, 0)).toBe(12)
  // Each is asked for twice: for its end and for its attempt.
  expect(tally.folded()).toBe(8)
})
