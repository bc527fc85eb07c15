import type { RouterOutputs } from '@turnpike/client'
import { getApp } from '#lib/app-context.ts'

type Issued = RouterOutputs['my']['playgroundKey']

/** A request may take a while: a key with less than that left is replaced before it is used. */
const LEAST_LEFT_MS = 5 * 60_000

/** The key the playground asks with: minted when it is first needed, kept in this page alone, gone with it. */
export function createPlaygroundKey() {
  const { api } = getApp()
  let issued = $state.raw<Issued | null>(null)

  /** Throws what the API refused it with. */
  async function secretFor(groupId: number): Promise<string> {
    if (issued === null || issued.key.groupId !== groupId || !hasTimeLeft(issued)) {
      issued = await api.my.playgroundKey.mutate({ groupId })
    }
    return issued.secret
  }

  async function revoke(): Promise<void> {
    if (issued === null) return
    await api.my.keys.revoke.mutate({ id: issued.key.id })
    issued = null
  }

  return {
    secretFor,
    revoke,
    /** Null until one was minted. */
    get key() {
      return issued?.key ?? null
    },
  }
}

function hasTimeLeft({ key }: Issued): boolean {
  return key.expiresAt !== null && Date.parse(key.expiresAt) - Date.now() > LEAST_LEFT_MS
}
