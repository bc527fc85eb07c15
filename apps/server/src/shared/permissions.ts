import type { Role } from '@turnpike/core/words'

const VIEWER = [
  'self',
  'users:read',
  'groups:read',
  'keys:read',
  'accounts:read',
  'subscriptions:read',
  'prices:read',
  'redeem:read',
  'usage:read',
  'ops:read',
  'alerts:read',
  'settings:read',
] as const
const OPERATOR = [...VIEWER, 'accounts:operate', 'ops:operate', 'alerts:operate'] as const
const ADMIN = [
  ...OPERATOR,
  'users:write',
  'groups:write',
  'keys:write',
  'accounts:write',
  'subscriptions:write',
  'prices:write',
  'redeem:write',
  'settings:write',
  'alerts:write',
  'tokens:write',
  'audit:read',
] as const
const OWNER = [...ADMIN, 'owners:write'] as const

/** What a procedure may demand. `self` is everybody's own session and account. */
export type Permission = (typeof OWNER)[number]

/** owner ⊇ admin ⊇ operator ⊇ viewer; a plain user sees his own things only. */
export const ROLE_PERMISSIONS = {
  owner: OWNER,
  admin: ADMIN,
  operator: OPERATOR,
  viewer: VIEWER,
  user: ['self'],
} as const satisfies Record<Role, readonly Permission[]>

export function hasPermission(role: Role, permission: Permission): boolean {
  const permissions: readonly Permission[] = ROLE_PERMISSIONS[role]
  return permissions.includes(permission)
}

export function isPermission(name: string): name is Permission {
  const all: readonly string[] = OWNER
  return all.includes(name)
}
