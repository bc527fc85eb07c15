import { createSandbox } from '@turnpike/sandbox'
import { expect, test } from 'vitest'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import type { Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { startInstances } from './instances.ts'

test.skipIf(redisProgram === null)(
  'a response that one instance relayed is gone on from at another at once, and read there',
  async () => {
    await using stack = new AsyncDisposableStack()
    const redis = stack.use(await startRedisServer())
    const instances = stack.use(await startInstances({ count: 2, redisUrl: redis.url }))
    const [one, other] = instances.all
    if (one === undefined || other === undefined) throw new Error('there are two')
    const sandboxes = [await createSandbox(), await createSandbox(), await createSandbox()]
    for (const sandbox of sandboxes) stack.defer(() => sandbox.close())
    const { key } = await instances.plant({ accounts: sandboxes.map(({ url }) => ({ baseUrl: `${url}/v1` })) })
    for (const instance of [one, other]) {
      await waitFor('the tenant to be known', async () => (await respond(instance, key)).status === 200, 5_000)
    }
    for (let turn = 0; turn < 10; turn++) {
      const { id }: { id: string } = await (await respond(one, key)).json()
      const continued = await respond(other, key, { previous_response_id: id })
      expect(await continued.json()).toMatchObject({ previous_response_id: id })
      const read = await fetch(`${other.origin}/v1/responses/${id}`, { headers: { authorization: `Bearer ${key}` } })
      expect(await read.json()).toMatchObject({ id })
    }
  },
  300_000,
)

function respond({ origin }: Turnpike, key: string, body: object = {}): Promise<Response> {
  return fetch(`${origin}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'sandbox-small', input: 'Hello', ...body }),
  })
}
