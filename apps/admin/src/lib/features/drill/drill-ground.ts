import type { Api } from '#lib/api/client.ts'
import { DRILL_MODEL, FIRST_ACCOUNT_MODEL, SECOND_ACCOUNT_MODEL } from './drill-plan.ts'

/** The name of everything a drill makes: by it the next drill finds what the last one left. */
export const DRILL_NAME = 'Fire drill'

/** Short, so that an upstream that says nothing is noticed while somebody looks on. */
const TIMEOUTS = { connectMs: 2_000, firstByteMs: 3_000, idleMs: 3_000, totalMs: 15_000 }
const CONCURRENCY = 20
const KEY_LIFE_MS = 3_600_000
const ACCOUNTS = [
  { name: `${DRILL_NAME} 1`, model: FIRST_ACCOUNT_MODEL, priority: 1 },
  { name: `${DRILL_NAME} 2`, model: SECOND_ACCOUNT_MODEL, priority: 2 },
]

export interface DrillGround {
  groupId: number
  accountIds: number[]
}

/**
 * A group of its own with two accounts at the sandbox, made where they are not there yet: what fails in a drill serves
 * nobody else. Only members may hold keys of it, so the one who drills becomes one.
 */
export async function openGround(api: Api, userId: number): Promise<DrillGround> {
  const groupId = await findGroup(api)
  const { items } = await api.accounts.list.query({ groupId, limit: 500 })
  const accountIds: number[] = []
  for (const { name, model, priority } of ACCOUNTS) {
    const known = items.find((account) => account.name === name)
    const account = known ?? (await createAccount(api, { name, model, priority, groupId }))
    // What the last drill taught about it is of no use in this one.
    if (known) await api.accounts.clearState.mutate({ id: account.id })
    accountIds.push(account.id)
  }
  const { groupIds } = await api.users.get.query({ id: userId })
  if (!groupIds.includes(groupId)) await api.users.update.mutate({ id: userId, groupIds: [...groupIds, groupId] })
  return { groupId, accountIds }
}

/** A key for one drill: it ends with it, and after an hour at the latest. */
export async function mintKey(api: Api, { groupId }: DrillGround, userId: number, nowMs: number) {
  const { key, secret } = await api.keys.create.mutate({
    userId,
    groupId,
    name: DRILL_NAME,
    expiresAt: new Date(nowMs + KEY_LIFE_MS).toISOString(),
  })
  return { id: key.id, secret }
}

async function findGroup(api: Api): Promise<number> {
  const { items } = await api.groups.list.query({ query: DRILL_NAME, limit: 500 })
  const known = items.find(({ name }) => name === DRILL_NAME)
  if (known) return known.id
  const group = await api.groups.create.mutate({ name: DRILL_NAME, exclusive: true, timeouts: TIMEOUTS })
  return group.id
}

async function createAccount(
  api: Api,
  { name, model, priority, groupId }: { name: string; model: string; priority: number; groupId: number },
) {
  return api.accounts.create.mutate({
    name,
    provider: 'sandbox',
    secret: 'sandbox',
    groupIds: [groupId],
    priority,
    concurrency: CONCURRENCY,
    modelMapping: { [DRILL_MODEL]: model },
  })
}
