import { z } from 'zod'
import { ROLES, USER_STATUSES } from '../words.ts'
import { count, email, id, ids, line, newPassword, page, signedDollars, text } from './primitives.ts'

const role = z.enum(ROLES)
const name = text(200).trim()
const notes = text(10_000)

export const userList = z
  .strictObject({
    role: role.optional(),
    /** Archived users are listed only when asked for. */
    status: z.enum(USER_STATUSES).optional(),
    /** Part of the name or e-mail address. */
    query: line(200).optional(),
    ...page,
  })
  .prefault({})

export const userCreate = z.strictObject({
  email,
  name: name.default(''),
  role: role.default('user'),
  concurrency: count.default(5),
  groupIds: ids.default([]),
  notes: notes.default(''),
  password: newPassword.optional(),
})

export const userUpdate = z.strictObject({
  id,
  email: email.optional(),
  name: name.optional(),
  role: role.optional(),
  status: z.enum(USER_STATUSES).exclude(['archived']).optional(),
  concurrency: count.optional(),
  groupIds: ids.optional(),
  notes: notes.optional(),
})

/** What is added to (or, negative, taken from) a balance, and why. */
export const balanceAdjust = z.strictObject({
  id,
  amount: signedDollars.refine((nano) => nano !== 0n, 'must not be 0'),
  reason: line(500),
})

export type UserList = z.output<typeof userList>
export type UserCreate = z.output<typeof userCreate>
export type BalanceAdjust = z.output<typeof balanceAdjust>
export type UserUpdate = z.output<typeof userUpdate>
