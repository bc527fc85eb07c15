import type { ChannelCreate, ChannelList, ChannelUpdate } from '@turnpike/core/inputs/alert-channels'
import type { Db } from '@turnpike/db'
import { alertChannels } from '@turnpike/db/schema'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, auditOf } from '../../../shared/audit.ts'
import { changed } from '../../../shared/changed.ts'
import { afterId, type Page, pageOf } from '../../../shared/keyset.ts'
import type { SecretBox } from '../../../shared/secret-box.ts'
import type { ChannelRow } from './channel.ts'
import { newSigningSecret, sealChannelSecret } from './channel-secret.ts'

const audit = auditOf('alert_channel')

export type ChannelStore = ReturnType<typeof createChannelStore>
type Builder = Pick<Db['db'], 'select' | 'execute'>

/** Channels in the database; their secrets sealed. */
export function createChannelStore({ db, box }: { db: Db['db']; box: SecretBox }) {
  async function list({ type, enabled, limit, cursor }: ChannelList): Promise<Page<ChannelRow>> {
    const after = afterId(cursor)
    const rows = await db
      .select()
      .from(alertChannels)
      .where(
        and(
          type && eq(alertChannels.type, type),
          enabled === undefined ? undefined : eq(alertChannels.enabled, enabled),
          after === null ? undefined : gt(alertChannels.id, after),
        ),
      )
      .orderBy(asc(alertChannels.id))
      .limit(limit + 1)
    return pageOf(rows, limit, ({ id }) => String(id))
  }

  async function get(id: number): Promise<ChannelRow> {
    return found(await db.select().from(alertChannels).where(eq(alertChannels.id, id)))
  }

  /** `secret` is the one that was made, to be shown once; null where the receiver's own is used, or none. */
  async function create(input: ChannelCreate, actor: Actor): Promise<{ channel: ChannelRow; secret: string | null }> {
    return db.transaction(async (tx) => {
      const id = await nextChannelId(tx)
      const { own, given } = secretsOf(input)
      const secret = own ?? given
      const { secret: _given, ...values } = { secret: undefined, ...input }
      const [channel] = await tx
        .insert(alertChannels)
        .overridingSystemValue()
        .values({
          ...values,
          id,
          secretSealed: secret === null ? null : sealChannelSecret(box, id, secret),
          createdBy: actor.kind === 'user' ? actor.id : null,
        })
        .returning()
      if (channel === undefined) throw new AppError('internal')
      await audit(tx, actor, 'alerts.channels.create', id, audited(channel))
      return { channel, secret: own }
    })
  }

  async function update({ id, version, secret, ...changes }: ChannelUpdate, actor: Actor): Promise<ChannelRow> {
    return db.transaction(async (tx) => {
      const before = found(await tx.select().from(alertChannels).where(eq(alertChannels.id, id)).for('update'))
      if (before.version !== version) throw new AppError('version_conflict')
      const [channel] = await tx
        .update(alertChannels)
        .set({
          ...changes,
          ...(secret !== undefined && { secretSealed: sealChannelSecret(box, id, secret) }),
          ...(changes.enabled !== undefined && { disabledReason: null, disabledAt: null }),
          version: version + 1,
          updatedAt: sql`now()`,
        })
        .where(eq(alertChannels.id, id))
        .returning()
      if (channel === undefined) throw new AppError('internal')
      const change = changed(audited(before), audited(channel))
      await audit(tx, actor, 'alerts.channels.update', id, {
        ...change,
        ...(secret !== undefined && { secret: 'new' }),
      })
      return channel
    })
  }

  async function rotateSecret(id: number, actor: Actor): Promise<{ channel: ChannelRow; secret: string }> {
    const secret = newSigningSecret()
    const channel = await db.transaction(async (tx) => {
      const rotated = found(
        await tx
          .update(alertChannels)
          .set({
            secretSealed: sealChannelSecret(box, id, secret),
            version: sql`${alertChannels.version} + 1`,
            updatedAt: sql`now()`,
          })
          .where(and(eq(alertChannels.id, id), eq(alertChannels.type, 'webhook')))
          .returning(),
      )
      await audit(tx, actor, 'alerts.channels.rotateSecret', id)
      return rotated
    })
    return { channel, secret }
  }

  async function remove(id: number, actor: Actor): Promise<ChannelRow> {
    return db.transaction(async (tx) => {
      const removed = found(await tx.delete(alertChannels).where(eq(alertChannels.id, id)).returning())
      await audit(tx, actor, 'alerts.channels.remove', id, audited(removed))
      return removed
    })
  }

  return { list, get, create, update, rotateSecret, remove }
}

function secretsOf(input: ChannelCreate): { own: string | null; given: string | null } {
  if (input.type === 'email') return { own: null, given: null }
  return input.secret === undefined ? { own: newSigningSecret(), given: null } : { own: null, given: input.secret }
}

/** What the audit log may tell: of a URL its origin alone, because chats put a token into the path. */
function audited({ name, config, isDefault, minSeverity, hourlyLimit, isDeadMan, enabled }: ChannelRow) {
  const { url, ...others } = Object(config)
  const place = typeof url === 'string' ? { ...others, origin: new URL(url).origin } : others
  return { name, config: place, isDefault, minSeverity, hourlyLimit, isDeadMan, enabled }
}

function found([row]: ChannelRow[]): ChannelRow {
  if (!row) throw new AppError('not_found', { field: 'id' })
  return row
}

// The id is part of what seals the secret, so it is drawn before the row is written.
async function nextChannelId(db: Builder): Promise<number> {
  const [row] = await db.execute<{ id: string }>(
    sql`select nextval(pg_get_serial_sequence('alert_channels', 'id')) as id`,
  )
  return Number(row?.id)
}
