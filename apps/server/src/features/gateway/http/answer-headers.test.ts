import { NO_PROGRESS } from '@turnpike/core/gateway/errors'
import { describe, expect, it } from 'vitest'
import { rateHeaders, resetTime, timingHeaders } from './answer-headers.ts'

describe('resetTime', () => {
  it.each([
    [0, '0s'],
    [0.2, '1ms'],
    [12, '12ms'],
    [999, '999ms'],
    [999.5, '1s'],
    [1_500, '1.5s'],
    [59_999, '59.999s'],
    [60_000, '1m0s'],
    [61_500, '1m1.5s'],
    [360_000, '6m0s'],
  ])('tells %s ms as %s', (ms, told) => {
    expect(resetTime(ms)).toBe(told)
  })
})

describe('rateHeaders', () => {
  it('tells of each limit that is set, and of nothing else', () => {
    const tokens = { limit: 40_000, remaining: 39_000, resetMs: 1_500 }
    expect(rateHeaders({ requests: { limit: 60, remaining: 59, resetMs: 60_000 }, tokens })).toEqual({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '1m0s',
      'x-ratelimit-limit-tokens': '40000',
      'x-ratelimit-remaining-tokens': '39000',
      'x-ratelimit-reset-tokens': '1.5s',
    })
    expect(Object.keys(rateHeaders({ requests: null, tokens }))).toEqual([
      'x-ratelimit-limit-tokens',
      'x-ratelimit-remaining-tokens',
      'x-ratelimit-reset-tokens',
    ])
    expect(rateHeaders(null)).toEqual({})
  })
})

describe('timingHeaders', () => {
  it('tells of the gateway what it took itself: no slow body, no account that failed', () => {
    const progress = { ...NO_PROGRESS, attempts: 2, queueMs: 100, routeMs: 560, upstreamMs: 300, gatewayMs: 10.04 }
    expect(timingHeaders(progress, 2_000)).toMatchObject({
      'server-timing': 'queue;dur=100.0, route;dur=560.0, upstream;dur=300.0, gateway;dur=10.0',
      'x-turnpike-attempts': '2',
      'x-turnpike-queue-ms': '100',
    })
  })

  it('tells of a request that no account was asked for all but its queueing', () => {
    expect(timingHeaders({ ...NO_PROGRESS, queueMs: 30 }, 32)).toMatchObject({
      'server-timing': 'queue;dur=30.0, route;dur=0.0, upstream;dur=0.0, gateway;dur=2.0',
    })
  })
})
