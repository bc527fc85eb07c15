import { describe, expect, test } from 'vitest'
import { type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'

/** Which accounts were asked, in order of the requests. */
async function askedAccounts(world: GatewayWorld): Promise<(number | null)[]> {
  return (await world.ledger()).map(({ accountId }) => world.accountIds.indexOf(accountId ?? 0))
}

const FOUR = { accounts: [{}, {}, {}, {}] }
const MANY = 12

describe('a session stays with its account', () => {
  test.each<[string, object, Record<string, string>]>([
    ['named in the body', { prompt_cache_key: 'mine' }, {}],
    ['named by session_id', {}, { session_id: 'mine' }],
    ['named by session-id', {}, { 'session-id': 'mine' }],
    ['named by conversation_id', {}, { conversation_id: 'mine' }],
    ['named by x-session-id', {}, { 'x-session-id': 'mine' }],
  ])('%s', async (_, body, headers) => {
    await using world = await startGatewayWorld(FOUR)
    for (let n = 0; n < MANY; n++) {
      const ask = n % 2 === 0 ? world.chat : world.responses
      expect((await ask({ ...body, stream: n % 3 === 0 }, { headers })).status).toBe(200)
    }
    expect(new Set(await askedAccounts(world)).size).toBe(1)
    expect((await world.ledger()).map(({ decision }) => decision.rule)).toEqual(Array(MANY).fill('session'))
  })

  test('the body names it before any header', async () => {
    await using world = await startGatewayWorld(FOUR)
    for (let n = 0; n < MANY; n++) {
      await world.chat({ prompt_cache_key: 'mine' }, { headers: { 'session-id': `other ${n}` } })
    }
    expect(new Set(await askedAccounts(world)).size).toBe(1)
  })

  test('sessions are spread over the accounts', async () => {
    await using world = await startGatewayWorld(FOUR)
    for (let n = 0; n < 40; n++) await world.chat({ prompt_cache_key: `session ${n}` })
    const shares = [...Map.groupBy(await askedAccounts(world), (index) => index).values()].map(({ length }) => length)
    expect(shares).toHaveLength(4)
    expect(Math.max(...shares)).toBeLessThan(25)
  })

  test('in a group that wants no sessions nobody stays', async () => {
    await using world = await startGatewayWorld({ ...FOUR, group: { stickiness: 'off' } })
    for (let n = 0; n < 30; n++) await world.chat({ prompt_cache_key: 'mine' })
    expect(new Set(await askedAccounts(world)).size).toBeGreaterThan(1)
  })

  test('after its account failed it stays with the one that answered instead', async () => {
    await using world = await startGatewayWorld(FOUR)
    const ask = () => world.chat({ prompt_cache_key: 'mine' })
    await ask()
    const [home = 0] = await askedAccounts(world)
    world.setFault({ kind: 'status', status: 500, times: 1 }, home ?? 0)
    for (let n = 0; n < 5; n++) expect((await ask()).status).toBe(200)
    const [, ...later] = await askedAccounts(world)
    expect(new Set(later).size).toBe(1)
    expect(later[0]).not.toBe(home)
    expect(world.sandboxes[home ?? 0]?.requests).toHaveLength(2)
  })

  test('while its account cools it is with another one, and stays there', async () => {
    await using world = await startGatewayWorld(FOUR)
    const ask = () => world.chat({ prompt_cache_key: 'mine' })
    await ask()
    const [home = 0] = await askedAccounts(world)
    world.setFault({ kind: 'status', status: 529, times: 1 }, home ?? 0)
    await ask()
    await world.gateway.accountRuntime.clear(world.accountIds[home ?? 0] ?? 0)
    for (let n = 0; n < 3; n++) await ask()
    expect(new Set((await askedAccounts(world)).slice(1)).size).toBe(1)
    expect((await askedAccounts(world)).at(-1)).not.toBe(home)
  })

  test('its account, when full, is waited for a moment while another one is free', async () => {
    await using world = await startGatewayWorld({ accounts: [{ concurrency: 1 }, { concurrency: 1 }] })
    const slowly = (ms: number) => ({
      prompt_cache_key: 'mine',
      messages: [{ role: 'user', content: `[[sandbox: firstByteMs=${ms}]]` }],
    })
    await world.chat(slowly(0))
    const short = world.chat(slowly(700))
    await expect.poll(() => world.gateway.gauges().inFlight).toBe(1)
    const waited = await world.chat({ prompt_cache_key: 'mine' })
    expect(Number(waited.headers.get('x-turnpike-queue-ms'))).toBeGreaterThan(100)
    await short
    expect(new Set(await askedAccounts(world)).size).toBe(1)

    const long = world.chat(slowly(8_000))
    await expect.poll(() => world.gateway.gauges().inFlight).toBe(1)
    const gaveUp = await world.chat({ prompt_cache_key: 'mine' })
    expect(Number(gaveUp.headers.get('x-turnpike-queue-ms'))).toBeGreaterThanOrEqual(1_490)
    expect(Number(gaveUp.headers.get('x-turnpike-queue-ms'))).toBeLessThan(6_000)
    await long
    expect(new Set(await askedAccounts(world)).size).toBe(2)
  })
})

describe('who names no session goes', () => {
  test('to accounts of the lowest priority only, while one of them is free', async () => {
    await using world = await startGatewayWorld({
      accounts: [
        { priority: 20, concurrency: 1 },
        { priority: 10, concurrency: 1 },
        { priority: 20, concurrency: 1 },
        { priority: 10, concurrency: 1 },
      ],
    })
    for (let n = 0; n < MANY; n++) await world.chat()
    expect(new Set(await askedAccounts(world))).toEqual(new Set([1, 3]))

    const content = '[[sandbox: firstByteMs=2000]]'
    const together = Array.from({ length: 4 }, () => world.chat({ messages: [{ role: 'user', content }] }))
    await Promise.all(together)
    expect((await askedAccounts(world)).slice(MANY).sort()).toEqual([0, 1, 2, 3])
  })

  test("by the group's own priority, where it has one", async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
    await world.sql`update account_groups set priority = 0 where account_id = ${world.accountIds[1] ?? 0}`
    await world.gateway.reload()
    for (let n = 0; n < 5; n++) await world.chat()
    expect(new Set(await askedAccounts(world))).toEqual(new Set([1]))
  })

  test('to equals by their weights', async () => {
    await using upstream = await startRawUpstream((response) => sendJson(response, chatAnswer()))
    const { baseUrl } = upstream
    await using world = await startGatewayWorld({
      accounts: [
        { baseUrl, weight: 3 },
        { baseUrl, weight: 1 },
      ],
    })
    for (let n = 0; n < 300; n++) await world.chat()
    const heavy = (await askedAccounts(world)).filter((index) => index === 0).length
    // Six standard deviations on either side.
    expect(heavy).toBeGreaterThan(225 - 45)
    expect(heavy).toBeLessThan(225 + 45)
  })

  test('away from who is busy', async () => {
    await using world = await startGatewayWorld({ accounts: [{ concurrency: 4 }, { concurrency: 4 }] })
    const content = '[[sandbox: firstByteMs=2000]]'
    await Promise.all(Array.from({ length: 8 }, () => world.chat({ messages: [{ role: 'user', content }] })))
    const shares = Map.groupBy(await askedAccounts(world), (index) => index)
    expect([...shares.values()].map(({ length }) => length)).toEqual([4, 4])
  })
})

test('the ledger tells why an account was chosen and others were passed over', async () => {
  await using world = await startGatewayWorld({
    accounts: [
      { priority: 1, status: 'disabled' },
      { priority: 2, schedulable: false },
      { priority: 3 },
      { priority: 4 },
      { priority: 9, models: ['other'] },
    ],
  })
  const [disabled, unschedulable, chosen, next] = world.accountIds
  await world.chat()
  const [row] = await world.ledger()
  expect(row?.decision).toMatchObject({ chosen, omitted: 0 })
  expect(row?.decision.candidates).toEqual([
    { accountId: chosen, reason: null },
    { accountId: disabled, reason: 'disabled' },
    { accountId: unschedulable, reason: 'unschedulable' },
    { accountId: next, reason: 'lower_priority' },
  ])
})
