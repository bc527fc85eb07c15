import { z } from 'zod'
import { email, newPassword, text, typedPassword } from './primitives.ts'

export const login = z.strictObject({
  // Not checked to be an address: a wrong one is answered like an unknown one.
  email: text(254).trim().toLowerCase(),
  password: typedPassword,
  /** A one-time code, or one of the recovery codes. */
  totp: z.string().max(40).optional(),
})

export const changePassword = z.strictObject({ currentPassword: typedPassword, newPassword })

/** The token of an invitation's link, and the password its owner chose. */
export const acceptInvite = z.strictObject({ token: z.string().max(200), password: newPassword })

const code = z.string().trim().min(1).max(40)

export const totpConfirm = z.strictObject({ code })
export const totpDisable = z.strictObject({ password: typedPassword, code })

/** The first owner, as the environment or the first-run page names it. */
export const firstOwner = z.strictObject({ email, password: newPassword })

/** The first owner, and the token that the server printed. */
export const setup = firstOwner.extend({ token: z.string().min(1).max(200) })
