import { z } from 'zod'
import { ACCOUNT_STATUSES, PROTOCOLS, PROVIDERS } from '../words.ts'
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

const settings = {
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

export const accountCreate = z.strictObject({
  name: line(200),
  provider: z.enum(PROVIDERS),
  /** With or without `/v1`; may be left out where the provider has one address. */
  baseUrl: baseUrl.optional(),
  auth: z.literal('api_key').default('api_key'),
  secret,
  groupIds: ids.default([]),
  /** Smaller first. */
  priority: z.int().min(0).max(1_000_000).default(50),
  weight: z.int().min(1).max(1_000_000).default(1),
  concurrency: count.default(3),
  modelMapping: modelMapping.default({}),
  schedulable: z.boolean().default(true),
  ...settings,
})

export const accountUpdate = z.strictObject({
  id,
  name: line(200).optional(),
  baseUrl: baseUrl.optional(),
  /** Left out = unchanged. */
  secret: secret.optional(),
  groupIds: ids.optional(),
  priority: z.int().min(0).max(1_000_000).optional(),
  weight: z.int().min(1).max(1_000_000).optional(),
  concurrency: count.optional(),
  modelMapping: modelMapping.optional(),
  schedulable: z.boolean().optional(),
  status: z.enum(['active', 'disabled']).optional(),
  ...settings,
})

export const accountSetSchedulable = z.strictObject({ id, schedulable: z.boolean() })

export const accountTest = z.strictObject({ id, model: model.optional() })

export type AccountList = z.output<typeof accountList>
export type AccountCreate = z.output<typeof accountCreate>
export type AccountUpdate = z.output<typeof accountUpdate>
