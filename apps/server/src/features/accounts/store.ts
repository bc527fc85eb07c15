import type { AccountCreate, AccountEvents, AccountList, AccountUpdate } from '@turnpike/core/inputs/accounts'
import type { Protocol, Provider } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { accountEvents, accountGroups, accounts, groups } from '@turnpike/db/schema'
import { and, asc, desc, eq, exists, gt, ilike, inArray, lt, ne, or, type SQL, sql } from 'drizzle-orm'
import { openExtraHeaders, sealAccountSecret, sealAccountText, sealExtraHeaders } from '../../shared/account-secrets.ts'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import { proxyHostOf } from '../../shared/egress/inspect-proxy.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { AccountRow, StoredAccount } from './account.ts'
import { changeOf } from './account-change.ts'

type Builder = Pick<Db['db'], 'select' | 'insert' | 'update' | 'delete' | 'execute'>
type NewAccount = Omit<AccountCreate, 'baseUrl'> & { baseUrl: string }

export type AccountStore = ReturnType<typeof createAccountStore>

/** Accounts in the database; secrets go in sealed and do not come out. `baseUrl` is expected checked and normalised. */
export function createAccountStore({ db, box }: { db: Db['db']; box: SecretBox }) {
  async function list({ provider, groupId, status, query, limit, cursor }: AccountList): Promise<Page<StoredAccount>> {
    const after = afterId(cursor)
    const serving = db
      .select({ id: accountGroups.accountId })
      .from(accountGroups)
      .where(and(eq(accountGroups.accountId, accounts.id), eq(accountGroups.groupId, groupId ?? 0)))
    const rows = await selectAccounts(db)
      .where(
        and(
          status ? eq(accounts.status, status) : ne(accounts.status, 'archived'),
          provider && eq(accounts.provider, provider),
          groupId === undefined ? undefined : exists(serving),
          query ? ilike(accounts.name, containing(query)) : undefined,
          after === null ? undefined : gt(accounts.id, after),
        ),
      )
      .orderBy(asc(accounts.id))
      .limit(limit + 1)
    return pageOf(rows.map(withHeaderNames), limit, ({ row }) => String(row.id))
  }

  async function get(id: number): Promise<StoredAccount> {
    return readAccount(db, id)
  }

  async function create(input: NewAccount, actor: Actor): Promise<StoredAccount> {
    const { secret = '', extraHeaders = {}, groupIds, groupPriorities, oauth, proxy, healthCheck, ...values } = input
    return db.transaction(async (tx) => {
      const id = await nextAccountId(tx)
      await tx
        .insert(accounts)
        .overridingSystemValue()
        .values({
          ...values,
          ...sealedColumns(id, { oauth, proxy }),
          ...healthColumns(healthCheck),
          models: listOrUnknown(values.models),
          id,
          protocol: values.protocol ?? defaultProtocol(values.provider),
          secretSealed: sealAccountSecret(box, id, secret),
          secretLast4: lastFour(secret),
          extraHeadersSealed: sealExtraHeaders(box, id, extraHeaders),
        })
      await replaceGroups(tx, id, groupIds)
      if (groupPriorities) await replacePriorities(tx, id, groupPriorities)
      await audit(tx, actor, 'accounts.create', id, changeOf(input))
      return readAccount(tx, id)
    })
  }

  async function update(input: AccountUpdate, actor: Actor, action = 'accounts.update'): Promise<StoredAccount> {
    const { id, secret, extraHeaders, groupIds, groupPriorities, oauth, proxy, healthCheck, ...changes } = input
    const columns = {
      ...changes,
      ...sealedColumns(id, { oauth, proxy }),
      ...healthColumns(healthCheck),
      ...(changes.models !== undefined ? { models: listOrUnknown(changes.models), modelsDiscovered: false } : {}),
      ...(changes.status ? { statusReason: null } : {}),
      ...(secret ? { secretSealed: sealAccountSecret(box, id, secret), secretLast4: lastFour(secret) } : {}),
      ...(extraHeaders ? { extraHeadersSealed: sealExtraHeaders(box, id, extraHeaders) } : {}),
    }
    return db.transaction(async (tx) => {
      const { auth } = await lockAccount(tx, id)
      if (oauth && auth !== 'oauth2') throw new AppError('invalid_input', { field: 'oauth' })
      const isNewGrant = auth === 'oauth2' && (oauth !== undefined || secret !== undefined)
      if (Object.values(columns).some((value) => value !== undefined)) {
        await tx
          .update(accounts)
          .set({ ...columns, ...(isNewGrant ? NO_TOKEN : {}) })
          .where(eq(accounts.id, id))
      }
      if (groupIds) await replaceGroups(tx, id, groupIds)
      if (groupPriorities) await replacePriorities(tx, id, groupPriorities)
      await audit(tx, actor, action, id, changeOf(input))
      return readAccount(tx, id)
    })
  }

  async function archive(id: number, actor: Actor): Promise<StoredAccount> {
    return change({ id, actor, action: 'accounts.archive' }, { status: 'archived' })
  }

  /** Back to work: no cooling, no error; a disabled or archived account stays what it is. */
  async function clearState(id: number, actor: Actor): Promise<StoredAccount> {
    return change({ id, actor, action: 'accounts.clearState' }, CLEARED)
  }

  /** Newest first; `cursor` is where the page before ended. */
  async function events({ id, limit, cursor }: AccountEvents): Promise<Page<AccountEventRow>> {
    await readAccount(db, id)
    const before = beforeEvent(cursor)
    const rows = await db
      .select()
      .from(accountEvents)
      .where(and(eq(accountEvents.accountId, id), before))
      .orderBy(desc(accountEvents.at), desc(accountEvents.id))
      .limit(limit + 1)
    return pageOf(rows, limit, (event) => `${event.at.getTime()}-${event.id}`)
  }

  /** Keeps a list that the upstream gave, in place of none or of an earlier one; what a person entered stays. */
  async function learnModels(id: number, models: string[]): Promise<void> {
    const isOurs = or(sql`${accounts.models} is null`, accounts.modelsDiscovered)
    const isNews = sql`${accounts.models} is distinct from ${sql.param(models)}::text[]`
    await db
      .update(accounts)
      .set({ models, modelsDiscovered: true })
      .where(and(eq(accounts.id, id), isOurs, isNews))
  }

  async function change(
    { id, actor, action }: { id: number; actor: Actor; action: string },
    columns: Parameters<ReturnType<typeof updateAccounts>['set']>[0],
  ): Promise<StoredAccount> {
    return db.transaction(async (tx) => {
      const changed = await updateAccounts(tx).set(columns).where(eq(accounts.id, id)).returning({ id: accounts.id })
      if (changed.length === 0) throw new AppError('not_found', { field: 'id' })
      await audit(tx, actor, action, id, {})
      return readAccount(tx, id)
    })
  }

  function sealedColumns(id: number, { oauth, proxy }: Pick<AccountUpdate, 'oauth' | 'proxy'>) {
    return {
      ...(proxy === undefined ? {} : proxyColumns(id, proxy)),
      ...(oauth && {
        oauthGrant: oauth.grant,
        oauthTokenUrl: oauth.tokenUrl,
        oauthClientId: oauth.clientId,
        oauthScope: oauth.scope,
        ...(oauth.refreshToken && {
          oauthRefreshSealed: sealAccountText(box, id, 'oauth_refresh_sealed', oauth.refreshToken),
        }),
      }),
    }
  }

  function proxyColumns(id: number, proxy: string | null) {
    if (proxy === null) return { proxySealed: null, proxyHost: null }
    return { proxySealed: sealAccountText(box, id, 'proxy_sealed', proxy), proxyHost: proxyHostOf(proxy) }
  }

  async function readAccount(from: Builder, id: number): Promise<StoredAccount> {
    const [stored] = await selectAccounts(from).where(eq(accounts.id, id))
    if (!stored) throw new AppError('not_found', { field: 'id' })
    return withHeaderNames(stored)
  }

  function withHeaderNames(stored: Omit<StoredAccount, 'extraHeaderNames'>): StoredAccount {
    return { ...stored, extraHeaderNames: headerNames(stored.row) }
  }

  function headerNames(row: AccountRow): string[] {
    try {
      return Object.keys(openExtraHeaders(box, row)).sort()
    } catch {
      // An account whose secrets do not open must still be seen, to be given new ones.
      return []
    }
  }

  return { list, get, create, update, archive, clearState, events, learnModels }
}

export type AccountEventRow = typeof accountEvents.$inferSelect

const CLEARED = {
  status: sql`case ${accounts.status} when 'error' then 'active' else ${accounts.status} end`,
  statusReason: null,
  coolingUntil: null,
  coolingReason: null,
  modelCooling: [],
  health: {},
}

/** What was fetched with other credentials goes upstream no more; instances that refresh just now notice by the number. */
const NO_TOKEN = {
  oauthAccessSealed: null,
  oauthAccessExpiresAt: null,
  oauthGeneration: sql`${accounts.oauthGeneration} + 1`,
}

function audit(tx: Parameters<typeof recordAudit>[0], actor: Actor, action: string, id: number, change: object) {
  return recordAudit(tx, actor, { action, target: { type: 'account', id }, change: { ...change } })
}

function healthColumns(check: AccountUpdate['healthCheck']) {
  return check && { healthCheckMinutes: check.minutes, healthCheckRecovers: check.recovers }
}

function beforeEvent(cursor: string | null | undefined): SQL | undefined {
  if (cursor === null || cursor === undefined) return undefined
  const [, at, id] = /^(\d{1,15})-(\d{1,16})$/.exec(cursor) ?? []
  if (at === undefined || id === undefined) throw new AppError('invalid_input', { field: 'cursor' })
  const moment = new Date(Number(at))
  return or(lt(accountEvents.at, moment), and(eq(accountEvents.at, moment), lt(accountEvents.id, Number(id))))
}

function updateAccounts(db: Builder) {
  return db.update(accounts)
}

function selectAccounts(db: Builder) {
  return db
    .select({
      row: accounts,
      groupIds: sql<number[]>`array(
        select ${accountGroups.groupId}::float8 from ${accountGroups}
        where ${accountGroups.accountId} = ${accounts.id} order by 1
      )`,
      groupPriorities: sql<StoredAccount['groupPriorities']>`(
        select coalesce(json_agg(json_build_object('groupId', ${accountGroups.groupId}, 'priority', ${accountGroups.priority})
          order by ${accountGroups.groupId}), '[]')
        from ${accountGroups} where ${accountGroups.accountId} = ${accounts.id} and ${accountGroups.priority} is not null
      )`,
    })
    .from(accounts)
    .$dynamic()
}

async function lockAccount(db: Builder, id: number): Promise<{ auth: AccountRow['auth'] }> {
  const [row] = await db.select({ auth: accounts.auth }).from(accounts).where(eq(accounts.id, id)).for('update')
  if (row === undefined) throw new AppError('not_found', { field: 'id' })
  return row
}

// The id is part of what seals the secret, so it is drawn before the row is written.
async function nextAccountId(db: Builder): Promise<number> {
  const [row] = await db.execute<{ id: string }>(sql`select nextval(pg_get_serial_sequence('accounts', 'id')) as id`)
  return Number(row?.id)
}

// Groups that stay keep their priority.
async function replaceGroups(db: Builder, accountId: number, groupIds: number[]): Promise<void> {
  const known =
    groupIds.length === 0 ? [] : await db.select({ id: groups.id }).from(groups).where(inArray(groups.id, groupIds))
  if (known.length !== groupIds.length) throw new AppError('not_found', { field: 'groupIds' })
  const others = sql`not (${accountGroups.groupId} = any(${sql.param(groupIds)}::bigint[]))`
  await db.delete(accountGroups).where(and(eq(accountGroups.accountId, accountId), others))
  if (groupIds.length === 0) return
  await db
    .insert(accountGroups)
    .values(groupIds.map((groupId) => ({ accountId, groupId })))
    .onConflictDoNothing()
}

async function replacePriorities(
  db: Builder,
  accountId: number,
  priorities: { groupId: number; priority: number }[],
): Promise<void> {
  const ofAccount = eq(accountGroups.accountId, accountId)
  await db.update(accountGroups).set({ priority: null }).where(ofAccount)
  for (const { groupId, priority } of priorities) {
    const rows = await db
      .update(accountGroups)
      .set({ priority })
      .where(and(ofAccount, eq(accountGroups.groupId, groupId)))
      .returning({ groupId: accountGroups.groupId })
    if (rows.length === 0) throw new AppError('not_found', { field: 'groupPriorities' })
  }
}

function defaultProtocol(provider: Provider): Protocol {
  return provider === 'openai-compatible' ? 'chat' : 'responses+chat'
}

// An empty list would serve nothing; what is meant is that nobody knows.
function listOrUnknown(models: string[] | null | undefined): string[] | null | undefined {
  return models?.length === 0 ? null : models
}

function lastFour(secret: string): string {
  return secret.length > 12 ? secret.slice(-4) : ''
}
