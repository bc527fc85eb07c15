import type { RouterOutputs } from '@turnpike/client'
import type { userCreate, userUpdate } from '@turnpike/core/inputs/users'
import type { Role } from '@turnpike/core/words'
import type { z } from 'zod'
import { changed } from '#lib/forms/changed.ts'
import { parseWhole } from '#lib/forms/lines.ts'

export type User = RouterOutputs['users']['get']
export type InvitedUser = RouterOutputs['users']['create']
export type Invite = NonNullable<InvitedUser['invite']>

/** A user as the form holds him. */
export interface UserValues {
  email: string
  name: string
  role: Role
  isActive: boolean
  concurrency: string
  groupIds: number[]
  notes: string
  password: string
}

export function valuesOfUser(user: User | null): UserValues {
  return {
    email: user?.email ?? '',
    name: user?.name ?? '',
    role: user?.role ?? 'user',
    isActive: user?.status !== 'disabled',
    concurrency: String(user?.concurrency ?? 5),
    groupIds: user?.groupIds ?? [],
    notes: user?.notes ?? '',
    password: '',
  }
}

export function userCreateInput({ isActive: _, ...values }: UserValues): z.input<typeof userCreate> {
  return {
    ...values,
    concurrency: parseWhole(values.concurrency, Number.NaN),
    password: values.password === '' ? undefined : values.password,
  }
}

/** Only what was changed since the form was opened. */
export function userUpdateInput(user: User, values: UserValues): z.input<typeof userUpdate> {
  return { id: user.id, ...changed(members(valuesOfUser(user)), members(values)) }
}

function members({ isActive, password: _, ...values }: UserValues) {
  return {
    ...values,
    concurrency: parseWhole(values.concurrency, Number.NaN),
    status: isActive ? ('active' as const) : ('disabled' as const),
  }
}
