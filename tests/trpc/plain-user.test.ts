import type { TurnpikeClient } from '@turnpike/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient, signIn } from '../support/admin.ts'
import { makeDataDir } from '../support/data-dir.ts'
import { startTurnpike, type Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'

const MODEL = 'sandbox-small'
const LEDGER_MS = 10_000
/** For what hangs. */
const ANSWER_MS = 60_000

const stack = new AsyncDisposableStack()
let turnpike: Turnpike
let owner: TurnpikeClient

beforeAll(async () => {
  const dataDir = stack.use(await makeDataDir())
  turnpike = stack.use(await startTurnpike({ dataDir: dataDir.path }))
  owner = await signIn(turnpike)
})
afterAll(() => stack.disposeAsync())

/** A user who came by his invitation, signed in with the password he chose. */
async function invited(email: string): Promise<TurnpikeClient> {
  const { invite } = await owner.users.create.mutate({ email })
  const token = new URL(invite?.url ?? '').hash.slice(1)
  const client = openClient(turnpike.origin)
  await client.auth.acceptInvite.mutate({ token, password: `the password of ${email}` })
  return client
}

async function chat(key: string) {
  const response = await fetch(`${turnpike.facts.gatewayUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Hello' }] }),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  await response.text()
  return { status: response.status, requestId: response.headers.get('x-request-id') ?? '' }
}

test('an invited user makes a key, uses it at once, and sees his request; another one sees nothing of it', async () => {
  const user = await invited('first@turnpike.test')
  const other = await invited('second@turnpike.test')
  const [group] = (await user.my.groups.query()).items
  const { key, secret } = await user.my.keys.create.mutate({ name: 'laptop', groupId: group?.id ?? 0 })
  const { status, requestId } = await chat(secret)
  expect(status).toBe(200)

  const [request] = await waitFor(
    'the request to be in the ledger',
    async () => {
      const { items } = await user.my.usage.list.query()
      return items.length > 0 && items
    },
    LEDGER_MS,
  )
  expect(request).toMatchObject({ requestId, keyId: key.id, groupId: group?.id, model: MODEL, status: 200 })
  expect(await user.my.usage.summary.query()).toMatchObject({ total: { requests: 1 } })
  expect(await user.my.requests.get.query({ requestId })).toMatchObject({ requestId, error: null })

  expect((await other.my.usage.list.query()).items).toEqual([])
  expect((await other.my.keys.list.query()).items).toEqual([])
  expect(await other.my.usage.summary.query()).toMatchObject({ total: { requests: 0 } })
  await expect(other.my.requests.get.query({ requestId })).rejects.toMatchObject({ data: { reason: 'not_found' } })
  await expect(other.my.keys.revoke.mutate({ id: key.id })).rejects.toMatchObject({ data: { reason: 'not_found' } })
  await expect(other.usage.list.query()).rejects.toMatchObject({ data: { reason: 'forbidden' } })
})

test('a key that its user revoked is refused', async () => {
  const user = await invited('third@turnpike.test')
  const [group] = (await user.my.groups.query()).items
  const { key, secret } = await user.my.keys.create.mutate({ name: 'lost', groupId: group?.id ?? 0 })
  expect((await chat(secret)).status).toBe(200)
  await user.my.keys.revoke.mutate({ id: key.id })
  await waitFor('the key to be refused', async () => (await chat(secret)).status === 401, LEDGER_MS)
})

test('the owner fetches the ledger as a file, once', async () => {
  const { url } = await owner.usage.export.mutate({ format: 'csv' })
  const file = await fetch(new URL(url, turnpike.origin))
  expect(file.status).toBe(200)
  expect(await file.text()).toMatch(/^requestId,clientRequestId,/)
  const again = await fetch(new URL(url, turnpike.origin))
  await again.text()
  expect(again.status).toBe(404)
})
