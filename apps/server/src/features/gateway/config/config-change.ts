/** What a notification on `turnpike_config` says: one key or one user by name, or that something else changed. */
export type ConfigChange =
  | { kind: 'key'; publicId: string }
  | { kind: 'user'; userId: number }
  | { kind: 'configuration' }

/** The payload as the database's triggers write it: `api_keys:<public id>`, `users:<id>`, or the table. */
export function configChangeOf(payload: string): ConfigChange {
  const [table, name] = payload.split(':')
  if (table === 'api_keys' && name !== undefined) return { kind: 'key', publicId: name }
  if (table === 'users' && name !== undefined) return { kind: 'user', userId: Number(name) }
  return { kind: 'configuration' }
}
