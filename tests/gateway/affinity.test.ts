import { describe, expect, test } from 'vitest'
import { type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'

describe('reasoning that only its maker can read', () => {
  const encrypted = [
    { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'sealed' },
    { role: 'user', content: 'go on' },
  ]
  const served = (world: GatewayWorld) => world.sandboxes.map(({ requests }) => requests.length)

  test('goes to the session’s account, else to one of its affinity domain, else to any', async () => {
    await using world = await startGatewayWorld({
      accounts: [
        { priority: 1, affinityDomain: 'a' },
        { priority: 2, affinityDomain: 'b' },
        { priority: 3, affinityDomain: 'a' },
      ],
    })
    const ask = () => world.responses({ input: encrypted, prompt_cache_key: 's' })
    await ask()
    await ask()
    expect(served(world)).toEqual([2, 0, 0])
    await world.sql`update accounts set schedulable = false where id = ${world.accountIds[0] ?? 0}`
    await world.gateway.reload()
    await ask()
    expect(served(world)).toEqual([2, 0, 1])
    const { decision } = (await world.ledger()).at(-1) ?? {}
    expect(decision).toMatchObject({ rule: 'affinity', chosen: world.accountIds[2] })
    expect(decision?.candidates).toContainEqual({ accountId: world.accountIds[1], reason: 'other_domain' })
    await world.sql`update accounts set schedulable = false where id = ${world.accountIds[2] ?? 0}`
    await world.gateway.reload()
    await ask()
    expect(served(world)).toEqual([2, 1, 1])
  })

  test('nothing else looks at affinity domains', async () => {
    await using world = await startGatewayWorld({
      accounts: [
        { priority: 1, affinityDomain: 'a' },
        { priority: 2, affinityDomain: 'b' },
        { priority: 3, affinityDomain: 'a' },
      ],
    })
    await world.responses({ prompt_cache_key: 's' })
    await world.sql`update accounts set schedulable = false where id = ${world.accountIds[0] ?? 0}`
    await world.gateway.reload()
    await world.responses({ prompt_cache_key: 's' })
    expect(served(world)).toEqual([1, 1, 0])
  })
})
