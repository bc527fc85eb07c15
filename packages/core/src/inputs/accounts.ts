import { z } from 'zod'
import { ACCOUNT_AUTHS, ACCOUNT_STATUSES, OAUTH_GRANTS, PROTOCOLS, PROVIDERS } from '../words.ts'
import { count, id, ids, instant, line, model, models, page } from './primitives.ts'

const HEADER_NAME = /^[a-z0-9-]{1,100}$/
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

const secret = z.string().trim().min(1).max(8192).regex(VISIBLE_ASCII, 'must be printable ASCII without spaces')
const baseUrl = line(2000)
const headerValue = z
  .string()
  .max(4096)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')
const modelMapping = z.record(model, model).refine((mapping) => Object.keys(mapping).length <= 1000, 'too many models')

const token = z.string().trim().min(1).max(16_384).regex(VISIBLE_ASCII, 'must be printable ASCII without spaces')
const priority = z.int().min(0).max(1_000_000)

/** Where an `oauth2` account gets its access tokens. The client's secret is the account's `secret`. */
const oauth = z.strictObject({
  grant: z.enum(OAUTH_GRANTS),
  tokenUrl: line(2000),
  clientId: line(500),
  scope: line(2000).nullable().default(null),
  /** Grant `refresh_token`; left out of an update = unchanged. Never shown again. */
  refreshToken: token.optional(),
})

const settings = {
  /** A proxy's URL: `http|https|socks5://[user:password@]host[:port]`. Null = none. Only its host is shown again. */
  proxy: line(2000).nullable().optional(),
  /** Minutes between scheduled checks, null = none; whether a check that passes lifts an `error`. */
  healthCheck: z
    .strictObject({ minutes: z.int().min(1).max(10_080).nullable(), recovers: z.boolean().default(false) })
    .optional(),
  /** Priorities of its own in some of its groups; replaces the whole set. */
  groupPriorities: z
    .array(z.strictObject({ groupId: id, priority }))
    .max(1000)
    .optional(),
  protocol: z.enum(PROTOCOLS).optional(),
  /** Replaces the whole set; never shown again. */
  extraHeaders: z
    .record(z.string().toLowerCase().regex(HEADER_NAME), headerValue)
    .refine((headers) => Object.keys(headers).length <= 50, 'too many headers')
    .optional(),
  forwardOrganization: z.boolean().optional(),
  affinityDomain: line(200).nullable().optional(),
  expiresAt: instant.nullable().optional(),
  /** Null = not known: any model is tried, unless there is a mapping. */
  models: models.nullable().optional(),
}

export const accountList = z
  .strictObject({
    provider: z.enum(PROVIDERS).optional(),
    groupId: id.optional(),
    /** Archived accounts are listed only when asked for. */
    status: z.enum(ACCOUNT_STATUSES).optional(),
    query: line(200).optional(),
    ...page,
  })
  .prefault({})

export const accountCreate = z
  .strictObject({
    name: line(200),
    provider: z.enum(PROVIDERS),
    /** With or without `/v1`; may be left out where the provider has one address. */
    baseUrl: baseUrl.optional(),
    auth: z.enum(ACCOUNT_AUTHS).default('api_key'),
    /** The API key, or the client's secret; a public client with a refresh token has none. */
    secret: secret.optional(),
    /** For auth `oauth2`, and only there. */
    oauth: oauth.optional(),
    groupIds: ids.default([]),
    /** Smaller first. */
    priority: priority.default(50),
    weight: z.int().min(1).max(1_000_000).default(1),
    concurrency: count.default(3),
    modelMapping: modelMapping.default({}),
    schedulable: z.boolean().default(true),
    ...settings,
  })
  .superRefine((account, context) => {
    const { auth, oauth: grant } = account
    const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if ((auth === 'oauth2') !== (grant !== undefined)) fault(['oauth'], 'belongs to auth oauth2')
    if (account.secret === undefined && grant?.grant !== 'refresh_token') fault(['secret'], 'is required')
    if (grant?.grant === 'refresh_token' && grant.refreshToken === undefined) {
      fault(['oauth', 'refreshToken'], 'is required')
    }
  })

export const accountUpdate = z.strictObject({
  id,
  name: line(200).optional(),
  baseUrl: baseUrl.optional(),
  /** Left out = unchanged. */
  secret: secret.optional(),
  /** Replaces how tokens are fetched; the account's auth stays what it is. */
  oauth: oauth.optional(),
  groupIds: ids.optional(),
  priority: priority.optional(),
  weight: z.int().min(1).max(1_000_000).optional(),
  concurrency: count.optional(),
  modelMapping: modelMapping.optional(),
  schedulable: z.boolean().optional(),
  status: z.enum(['active', 'disabled']).optional(),
  ...settings,
})

export const accountSetSchedulable = z.strictObject({ id, schedulable: z.boolean() })

export const accountTest = z.strictObject({ id, model: model.optional() })

export const accountEvents = z.strictObject({ id, ...page })

export type AccountEvents = z.output<typeof accountEvents>
export type AccountList = z.output<typeof accountList>
export type AccountCreate = z.output<typeof accountCreate>
export type AccountUpdate = z.output<typeof accountUpdate>
