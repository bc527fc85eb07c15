import type { AdmitRequest } from '@turnpike/core/gateway/ports'
import { expect, test } from 'vitest'
import { waitingPlaces } from '../user-slots.ts'
import { createLocalShare } from './local-share.ts'

const LIMIT = 10
const NO_RATES = { requestsPerMinute: null, tokensPerMinute: null }

function requestOf(client: AbortSignal): AdmitRequest {
  return {
    requestId: crypto.randomUUID(),
    userId: 1,
    userConcurrency: LIMIT,
    keyId: 1,
    keyConcurrency: 0,
    keyRates: NO_RATES,
    groupId: 1,
    groupRates: NO_RATES,
    estimatedTokens: 0,
    onBusy: 'wait',
    client,
  }
}

test('an instance by itself lends its part, and lets everybody wait who would have been let in before', async () => {
  const local = createLocalShare({ monotonic: () => 0 })
  local.begin(3)
  const client = new AbortController()
  const part = Math.ceil(LIMIT / 3)
  for (let n = 0; n < part; n++) await local.admit(requestOf(client.signal))
  const mayWait = LIMIT - part + waitingPlaces({ userConcurrency: LIMIT })
  const waiting = Array.from({ length: mayWait }, () => local.admit(requestOf(client.signal)))
  expect(local.waiters()).toBe(mayWait)
  await expect(local.admit(requestOf(client.signal))).rejects.toMatchObject({ code: 'queue_full' })
  client.abort()
  await Promise.allSettled(waiting)
  expect(local.waiters()).toBe(0)
})
