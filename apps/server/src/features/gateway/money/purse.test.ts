import { GatewayError } from '@turnpike/core/gateway/errors'
import { createFakeClock, settled } from '@turnpike/core/gateway/testing/fake-clock'
import type { LeaseGrant } from '@turnpike/db'
import { expect, test } from 'vitest'
import { book, type Credit, freeOf } from './credit.ts'
import { createPurse, type Hold, MAX_WAITING, type PurseStep, type Want } from './purse.ts'

interface Step {
  credit: Credit
  heldNano: number
  wants: readonly Want[]
  answer(grant: LeaseGrant | null): Promise<void>
  fail(error: Error): Promise<void>
}

/** A purse whose statements are answered by the test. */
function makeWorld() {
  const clock = createFakeClock()
  const steps: Step[] = []
  const leases: Credit[] = []
  const world = { clock, steps, leases, isGood: true, failures: [] as unknown[] }
  let ids = 0
  const purse = createPurse({
    lease: ask,
    tryLease: ask,
    refusal: () => 'insufficient_balance',
    newId: () => `lease-${++ids}`,
    monotonic: clock.monotonic,
    isGood: () => world.isGood,
    onLease: (credit) => void leases.push(credit),
    onFailure: (error) => void world.failures.push(error),
  })
  return Object.assign(world, { purse })

  function ask({ credit, heldNano, wants }: PurseStep) {
    const { promise, resolve, reject } = Promise.withResolvers<LeaseGrant | null>()
    steps.push({
      credit,
      heldNano,
      wants,
      async answer(grant) {
        resolve(grant)
        await settled()
      },
      async fail(error) {
        reject(error)
        await settled()
      },
    })
    return promise
  }
}

const exact = (nano: number): Want => ({ nano, isModest: false })
const grantOf = (leasedNano: number, ...granted: (number | null)[]): LeaseGrant => ({
  leasedNano,
  granted,
  roomNano: 0,
  tightest: 1,
})

function take(world: ReturnType<typeof makeWorld>, want: Want): Promise<Hold> {
  const taken = Promise.resolve(world.purse.take(want))
  taken.catch(() => {})
  return taken
}

async function codeOf(taken: Promise<Hold>): Promise<string> {
  const error = await taken.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  return error instanceof GatewayError ? error.code : 'served'
}

test('what is leased is lent without a statement, and nothing of it twice', async () => {
  const world = makeWorld()
  const first = take(world, exact(10))
  await world.steps[0]?.answer(grantOf(30, 10))
  await first
  expect(world.purse.take(exact(10))).toMatchObject({ credit: { id: 'lease-1' } })
  expect(world.purse.take(exact(10))).toMatchObject({ credit: { reserved: 30 } })
  const late = take(world, exact(1))
  expect(world.steps[1]).toMatchObject({ heldNano: 0, wants: [exact(1)], credit: { id: 'lease-1' } })
  await world.steps[1]?.answer(grantOf(0, null))
  expect(await codeOf(late)).toBe('insufficient_balance')
})

test('all who come while a statement runs share the next one, first come first served', async () => {
  const world = makeWorld()
  const first = take(world, exact(1))
  const crowd = Array.from({ length: 2_000 }, (_, index) => take(world, exact(index)))
  await world.steps[0]?.answer(grantOf(1, 1))
  await first
  expect(world.steps).toHaveLength(2)
  expect(world.steps[1]?.wants.map(({ nano }) => nano)).toEqual(Array.from({ length: 2_000 }, (_, index) => index))
  await world.steps[1]?.answer(grantOf(3, ...Array.from({ length: 2_000 }, (_, i) => (i < 3 ? i : null))))
  const codes = await Promise.all(crowd.map(codeOf))
  expect(codes.filter((code) => code === 'served')).toHaveLength(3)
  expect(world.steps).toHaveLength(2)
})

test('what a request does not use is free again; what it was billed only when the ledger has it, and then gone', async () => {
  const world = makeWorld()
  const taken = take(world, exact(10))
  await world.steps[0]?.answer(grantOf(10, 10))
  const { credit, settle } = await taken
  settle(4)
  settle(4)
  expect([freeOf(credit), credit.pending]).toEqual([6, 4])
  book(credit, 4)
  expect([freeOf(credit), credit.pending, credit.amount, credit.isRetired]).toEqual([6, 0, 6, false])
})

test('a bill beyond the lease ends it: the rest was booked on the balance', async () => {
  const world = makeWorld()
  const taken = take(world, exact(10))
  await world.steps[0]?.answer(grantOf(10, 10))
  const { credit, settle } = await taken
  settle(25)
  book(credit, 25)
  expect([freeOf(credit), credit.isRetired]).toEqual([0, true])
  void take(world, exact(1))
  expect(world.steps[1]?.credit.id).toBe('lease-2')
})

test('one modest request at a time, until it has ended', async () => {
  const world = makeWorld()
  const modest = { nano: 100, isModest: true }
  const first = take(world, modest)
  await world.steps[0]?.answer(grantOf(40, 40))
  const hold = await first
  void take(world, modest)
  expect(world.steps[1]?.wants).toEqual([exact(100)])
  await world.steps[1]?.answer(grantOf(0, null))
  hold.settle(0)
  void take(world, modest)
  expect(world.steps[2]).toMatchObject({ heldNano: 40, wants: [modest] })
})

test('a lease that is gone is replaced by a new one, and nobody is refused for it', async () => {
  const world = makeWorld()
  const first = take(world, exact(10))
  await world.steps[0]?.answer(grantOf(10, 10))
  await first
  const second = take(world, exact(10))
  await world.steps[1]?.answer(null)
  expect(world.steps[2]?.credit).toMatchObject({ id: 'lease-2', isStored: false })
  await world.steps[2]?.answer(grantOf(10, 10))
  expect((await second).credit.id).toBe('lease-2')
  expect(world.leases.map(({ id, isRetired }) => [id, isRetired])).toEqual([
    ['lease-1', true],
    ['lease-2', false],
  ])
})

test('a statement that fails refuses all who wait; its lease may exist, so it is given up under its name', async () => {
  const world = makeWorld()
  const first = take(world, exact(1))
  const behind = take(world, exact(1))
  await world.steps[0]?.fail(new Error('connection lost'))
  expect(await Promise.all([codeOf(first), codeOf(behind)])).toEqual(['balance_unavailable', 'balance_unavailable'])
  expect(world.leases).toMatchObject([{ id: 'lease-1', isRetired: true, isStored: true, reserved: 0 }])
  expect(world.failures).toHaveLength(1)
  const next = take(world, exact(1))
  await world.steps[1]?.answer(grantOf(1, 1))
  expect((await next).credit.id).toBe('lease-2')
})

test('a lease nobody has confirmed in time is not lent from', async () => {
  const world = makeWorld()
  const first = take(world, exact(1))
  await world.steps[0]?.answer(grantOf(100, 1))
  await first
  world.isGood = false
  void take(world, exact(1))
  expect(world.steps[1]?.credit.id).toBe('lease-2')
})

test('as many may wait as there is room, no more', async () => {
  const world = makeWorld()
  // The first one's statement is under way.
  const all = Array.from({ length: MAX_WAITING + 2 }, () => take(world, exact(1)))
  expect(await codeOf(all.at(-1) ?? Promise.reject(new Error('nobody')))).toBe('balance_unavailable')
  const last = all.at(-2)
  await world.steps[0]?.fail(new Error('away'))
  expect(await codeOf(last ?? Promise.reject(new Error('nobody')))).toBe('balance_unavailable')
})
