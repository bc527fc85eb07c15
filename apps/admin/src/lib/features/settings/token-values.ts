import type { RouterInputs, RouterOutputs } from '@turnpike/client'
import { fromLocalInput, toLocalInput } from '#lib/format/time.ts'
import type { Permission } from '../session/session.svelte.ts'

export type ServiceToken = RouterOutputs['tokens']['list']['items'][number]
export type IssuedToken = RouterOutputs['tokens']['create']

/** A token as the form holds it. */
export interface TokenValues {
  name: string
  scopes: Permission[]
  /** As a `datetime-local` field has it. */
  expiresAt: string
}

const DAY_MS = 86_400_000
const OFFERED_DAYS = 90

/** A token for three months that may do nothing yet. */
export function newToken(nowMs: number): TokenValues {
  return { name: '', scopes: [], expiresAt: toLocalInput(new Date(nowMs + OFFERED_DAYS * DAY_MS).toISOString()) }
}

export function tokenInput({ name, scopes, expiresAt }: TokenValues): RouterInputs['tokens']['create'] {
  const end = fromLocalInput(expiresAt)
  return { name, scopes, ...(end === null ? {} : { expiresAt: end }) }
}

export type TokenStatus = 'active' | 'expired' | 'revoked'

export function tokenStatus({ revokedAt, expiresAt }: ServiceToken, nowMs: number): TokenStatus {
  if (revokedAt !== null) return 'revoked'
  return Date.parse(expiresAt) <= nowMs ? 'expired' : 'active'
}

/** What a person can hand on: all he may do, but for what only a person does. */
export function grantable(permissions: readonly Permission[]): Permission[] {
  return permissions.filter((permission) => permission !== 'self')
}
