import { z } from 'zod'
import { parseSmtpUrl } from './shared/mail/smtp-config.ts'
import { parseRedisAddress } from './shared/redis-address.ts'

/** Everything the process may be told from outside; the one place that reads it. Names and meanings: `.env.example`. */
export type Env = ReturnType<typeof parseEnv>

/** All that is wrong with the environment, one line a fault. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
  readonly faults: string[]
  constructor(faults: string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

const flag = z.enum(['true', 'false', '1', '0', 'on', 'off']).transform((word) => ['true', '1', 'on'].includes(word))
const list = z.string().transform((text) => text.split(',').flatMap((item) => item.trim() || []))
const count = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const origin = z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin)
const collector = z
  .url({ protocol: /^https?$/ })
  .refine((url) => URL.canParse(url) && new URL(url).username === '', 'must not hold a user name or password')
  .transform((url) => `${new URL(url).origin}${new URL(url).pathname.replace(/\/+$/, '')}`)
const origins = list.pipe(z.array(origin))
const SECRET_BYTES = 32
/** Keys that stand in documentation somewhere: whoever copied one has no secret. */
const SAMPLE_KEYS = new Set([
  Buffer.alloc(SECRET_BYTES).toString('base64'),
  Buffer.alloc(SECRET_BYTES, 1).toString('base64'),
])
const secretKey = z
  .string()
  .refine(
    (text) => Buffer.from(text, 'base64').length === SECRET_BYTES,
    'must be 32 bytes in base64 (openssl rand -base64 32)',
  )
  .refine((text) => !SAMPLE_KEYS.has(text), 'is a sample key; make your own (openssl rand -base64 32)')
  .transform((text) => Buffer.from(text, 'base64'))

const redis = z
  .string()
  .transform(parseRedisAddress)
  .refine(
    (address) => address !== null,
    'must be redis://host:port, rediss://host:port or redis+cluster://host:port,host:port',
  )

const smtp = z
  .string()
  .transform(parseSmtpUrl)
  .refine(
    (config) => config !== null,
    'must be smtps:// or smtp://user:password@host:port?from=address (smtp+plain:// without a password)',
  )

const schema = z.object({
  HOST: z.string().optional(),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8787),
  DATA_DIR: z.string().default('.data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  TURNPIKE_PUBLIC_URL: origin.optional(),
  TURNPIKE_CORS_ORIGINS: origins.default([]),
  REDIS_URL: redis.optional(),
  TURNPIKE_SECRET_KEY: secretKey.optional(),
  TURNPIKE_SECRET_KEY_FILE: z.string().optional(),
  TURNPIKE_SECRET_KEY_PREVIOUS: secretKey.optional(),
  TURNPIKE_ADMIN_EMAIL: z.email().optional(),
  TURNPIKE_ADMIN_PASSWORD: z.string().min(12, 'needs at least 12 characters').max(256).optional(),
  TURNPIKE_PROFILE: z.enum(['quickstart', 'production']).optional(),
  TURNPIKE_SANDBOX: flag.optional(),
  TURNPIKE_ALLOWED_HOSTS: list.default([]),
  TURNPIKE_PRIVATE_UPSTREAMS: list.default([]),
  TURNPIKE_TRUSTED_PROXIES: list.default([]),
  OPS_WS_ORIGIN_POLICY: z.enum(['strict', 'permissive']).default('strict'),
  OPS_WS_TRUST_PROXY: flag.default(false),
  OPS_WS_TRUSTED_PROXIES: list.default([]),
  OPS_WS_MAX_CONNS: count.default(1_000),
  OPS_WS_MAX_CONNS_PER_IP: count.default(20),
  JOURNAL_MAX_BYTES: count.min(16 * 1024 * 1024).default(1_073_741_824),
  GATEWAY_MAX_BODY_BYTES: count.default(67_108_864),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.optional(),
  METRICS_TOKEN: z.string().min(8, 'needs at least 8 characters').max(256).optional(),
  SMTP_URL: smtp.optional(),
  NODE_ENV: z.string().optional(),
})

export const ENV_NAMES = Object.keys(schema.shape)

/** Reads and checks the environment. Throws EnvError with every fault at once; an empty value is an absent one. */
export function readEnv(source: NodeJS.ProcessEnv = process.env) {
  return parseEnv(source)
}

function parseEnv(source: NodeJS.ProcessEnv) {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ''))
  const faults = Object.keys(given)
    .filter((name) => name.startsWith('TURNPIKE_') && !ENV_NAMES.includes(name))
    .map((name) => `${name} is not a setting of Turnpike`)
  const parsed = schema.safeParse(given)
  for (const issue of parsed.error?.issues ?? []) faults.push(`${String(issue.path[0])}: ${issue.message}`)
  const data = parsed.data
  if (data === undefined) throw new EnvError(faults)
  const profile = data.TURNPIKE_PROFILE ?? (data.NODE_ENV === 'production' ? 'production' : 'quickstart')
  const isQuickstart = profile === 'quickstart'
  if (!isQuickstart && data.TURNPIKE_SECRET_KEY === undefined && data.TURNPIKE_SECRET_KEY_FILE === undefined) {
    faults.push('TURNPIKE_SECRET_KEY: required in production (openssl rand -base64 32), or TURNPIKE_SECRET_KEY_FILE')
  }
  if (data.TURNPIKE_ADMIN_PASSWORD !== undefined && data.TURNPIKE_ADMIN_EMAIL === undefined) {
    faults.push('TURNPIKE_ADMIN_EMAIL: required beside TURNPIKE_ADMIN_PASSWORD')
  }
  if (faults.length > 0) throw new EnvError(faults)
  return {
    profile,
    host: data.HOST ?? (isQuickstart ? '127.0.0.1' : '0.0.0.0'),
    port: data.PORT,
    dataDir: data.DATA_DIR,
    databaseUrl: data.DATABASE_URL,
    publicUrl: data.TURNPIKE_PUBLIC_URL,
    corsOrigins: data.TURNPIKE_CORS_ORIGINS,
    redis: data.REDIS_URL ?? null,
    secretKey: data.TURNPIKE_SECRET_KEY,
    secretKeyFile: data.TURNPIKE_SECRET_KEY_FILE,
    secretKeyPrevious: data.TURNPIKE_SECRET_KEY_PREVIOUS,
    adminEmail: data.TURNPIKE_ADMIN_EMAIL,
    adminPassword: data.TURNPIKE_ADMIN_PASSWORD,
    sandbox: data.TURNPIKE_SANDBOX ?? isQuickstart,
    allowedHosts: data.TURNPIKE_ALLOWED_HOSTS,
    privateUpstreams: data.TURNPIKE_PRIVATE_UPSTREAMS,
    trustedProxies: data.TURNPIKE_TRUSTED_PROXIES,
    opsWsOriginPolicy: data.OPS_WS_ORIGIN_POLICY,
    opsWsTrustProxy: data.OPS_WS_TRUST_PROXY,
    opsWsTrustedProxies: data.OPS_WS_TRUSTED_PROXIES,
    opsWsMaxConns: data.OPS_WS_MAX_CONNS,
    opsWsMaxConnsPerIp: data.OPS_WS_MAX_CONNS_PER_IP,
    journalMaxBytes: data.JOURNAL_MAX_BYTES,
    gatewayMaxBodyBytes: data.GATEWAY_MAX_BODY_BYTES,
    logLevel: data.LOG_LEVEL,
    otlpEndpoint: data.OTEL_EXPORTER_OTLP_ENDPOINT ?? null,
    metricsToken: data.METRICS_TOKEN,
    smtp: data.SMTP_URL ?? null,
  } as const
}
