import type { AccountCreate, AccountList, AccountUpdate } from '@turnpike/core/inputs/accounts'
import type { Protocol, Provider } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { accountGroups, accounts, groups } from '@turnpike/db/schema'
import { and, asc, eq, exists, gt, ilike, inArray, ne, sql } from 'drizzle-orm'
import { sealAccountSecret, sealExtraHeaders } from '../../shared/account-secrets.ts'
import { AppError } from '../../shared/app-error.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { AccountRow } from './account.ts'

/** An account's row with the groups it serves. */
export interface StoredAccount {
  row: AccountRow
  groupIds: number[]
}

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
    return pageOf(rows, limit, ({ row }) => String(row.id))
  }

  async function get(id: number): Promise<StoredAccount> {
    return readAccount(db, id)
  }

  async function create({ secret, extraHeaders = {}, groupIds, ...values }: NewAccount): Promise<StoredAccount> {
    return db.transaction(async (tx) => {
      const id = await nextAccountId(tx)
      await tx
        .insert(accounts)
        .overridingSystemValue()
        .values({
          ...values,
          models: listOrUnknown(values.models),
          id,
          protocol: values.protocol ?? defaultProtocol(values.provider),
          secretSealed: sealAccountSecret(box, id, secret),
          secretLast4: lastFour(secret),
          extraHeadersSealed: sealExtraHeaders(box, id, extraHeaders),
        })
      await replaceGroups(tx, id, groupIds)
      return readAccount(tx, id)
    })
  }

  async function update({ id, secret, extraHeaders, groupIds, ...changes }: AccountUpdate): Promise<StoredAccount> {
    const columns = {
      ...changes,
      models: listOrUnknown(changes.models),
      ...(changes.status ? { statusReason: null } : {}),
      ...(secret ? { secretSealed: sealAccountSecret(box, id, secret), secretLast4: lastFour(secret) } : {}),
      ...(extraHeaders ? { extraHeadersSealed: sealExtraHeaders(box, id, extraHeaders) } : {}),
    }
    return db.transaction(async (tx) => {
      await lockAccount(tx, id)
      if (Object.values(columns).some((value) => value !== undefined)) {
        await tx.update(accounts).set(columns).where(eq(accounts.id, id))
      }
      if (groupIds) await replaceGroups(tx, id, groupIds)
      return readAccount(tx, id)
    })
  }

  async function archive(id: number): Promise<StoredAccount> {
    return change(id, { status: 'archived' })
  }

  /** Back to work: no cooling, no error; a disabled or archived account stays what it is. */
  async function clearState(id: number): Promise<StoredAccount> {
    return change(id, {
      status: sql`case ${accounts.status} when 'error' then 'active' else ${accounts.status} end`,
      statusReason: null,
      coolingUntil: null,
      coolingReason: null,
      modelCooling: [],
      health: {},
    })
  }

  /** Keeps a discovered model list where none was known. */
  async function learnModels(id: number, models: string[]): Promise<void> {
    await db
      .update(accounts)
      .set({ models })
      .where(and(eq(accounts.id, id), sql`${accounts.models} is null`))
  }

  async function change(id: number, columns: Parameters<ReturnType<typeof updateAccounts>['set']>[0]) {
    const changed = await updateAccounts(db).set(columns).where(eq(accounts.id, id)).returning({ id: accounts.id })
    if (changed.length === 0) throw new AppError('not_found', { field: 'id' })
    return readAccount(db, id)
  }

  return { list, get, create, update, archive, clearState, learnModels }
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
    })
    .from(accounts)
    .$dynamic()
}

async function readAccount(db: Builder, id: number): Promise<StoredAccount> {
  const [stored] = await selectAccounts(db).where(eq(accounts.id, id))
  if (!stored) throw new AppError('not_found', { field: 'id' })
  return stored
}

async function lockAccount(db: Builder, id: number): Promise<void> {
  const rows = await db.select({ id: accounts.id }).from(accounts).where(eq(accounts.id, id)).for('update')
  if (rows.length === 0) throw new AppError('not_found', { field: 'id' })
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
