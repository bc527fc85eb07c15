import type { IncomingMessage } from 'node:http'
import type { Db } from '@turnpike/db'
import type { AccountRuntime } from './features/accounts/account.ts'
import { type AccountTokens, createAccounts } from './features/accounts/accounts.ts'
import { createProbe, type Egress } from './features/accounts/probe.ts'
import { createAccountStore } from './features/accounts/store.ts'
import type { WebhookEgress } from './features/alerts/delivery/send-webhook.ts'
import type { Judging } from './features/alerts/judging.ts'
import { createTelling } from './features/alerts/telling.ts'
import { createAudit } from './features/audit/audit.ts'
import { createAttempts } from './features/auth/attempts.ts'
import { createAuth } from './features/auth/auth.ts'
import { createFirstRun } from './features/auth/first-run.ts'
import { createInvites } from './features/auth/invites.ts'
import { createOwners } from './features/auth/owners.ts'
import { createPasswords } from './features/auth/passwords.ts'
import { createSessions } from './features/auth/sessions.ts'
import { createTickets } from './features/auth/tickets.ts'
import { createSecondFactor } from './features/auth/totp.ts'
import type { ExplainRoute } from './features/gateway/explain/explain-route.ts'
import { createGroupStore } from './features/groups/store.ts'
import { createKeyStore } from './features/keys/store.ts'
import { createMy } from './features/my/my.ts'
import { createErrors } from './features/ops/errors/errors.ts'
import { createErrorsFeed } from './features/ops/errors/errors-feed.ts'
import { createOpsExport } from './features/ops/exports/ops-export.ts'
import { createLeases, type OwnRequests } from './features/ops/leases/leases.ts'
import type { InstanceBus } from './features/ops/live/instance-bus.ts'
import type { LiveFeed } from './features/ops/live/live-feed.ts'
import { createOps } from './features/ops/ops.ts'
import { createRequests } from './features/ops/requests/requests.ts'
import { createPrices } from './features/prices/prices.ts'
import { createRedeemCodes } from './features/redeem/redeem.ts'
import { type CommandedSandbox, createSandboxControl } from './features/sandbox/sandbox-control.ts'
import { createSettingsStore } from './features/settings/settings.ts'
import { createSmtpTest } from './features/settings/smtp-test.ts'
import { createSubscriptions } from './features/subscriptions/subscriptions.ts'
import { createServiceTokens } from './features/tokens/tokens.ts'
import { createUsage } from './features/usage/usage.ts'

import { createUsageExport, USAGE_COLUMNS, usageCells } from './features/usage/usage-export.ts'
import { createInviteMail } from './features/users/invite-mail.ts'

import { createUserStore } from './features/users/store.ts'
import { createClientAddress, createProxyTrust } from './http/client-address.ts'
import { createOriginRules } from './http/origin-rules.ts'
import { createTrpcHandler } from './http/trpc-handler.ts'
import { createWsAdmission } from './http/ws-admission.ts'
import type { Services } from './services.ts'
import { apiKeyPepper } from './shared/api-key.ts'
import { createExports } from './shared/exports/exports.ts'
import type { Log } from './shared/logger.ts'
import type { MailEgress, Mailer } from './shared/mail/mailer.ts'
import { hasPermission } from './shared/permissions.ts'
import type { SecretBox } from './shared/secret-box.ts'
import { secretKeyMark } from './shared/secret-key-check.ts'
import type { WallClock } from './shared/wall-clock.ts'
import { createSockets, type SocketTimings } from './ws.ts'

export interface TrpcOptions {
  database: Db
  /** For questions of the panel: its statements end before a procedure's time is over. */
  reports: Db
  /** Where the embedded database keeps its files; null = the database is elsewhere. */
  databaseDir: string | null
  box: SecretBox
  clock: WallClock
  log: Log
  egress: Egress
  /** For what administrators point at the internet: no address inside, on no list. */
  publicEgress: WebhookEgress & MailEgress
  mailer: Mailer
  runtime: AccountRuntime
  tokens: AccountTokens
  live: LiveFeed
  /** Which way a request would go now. */
  explainRoute: ExplainRoute
  judging: Judging
  ownRequests: OwnRequests
  /** To the other instances; null = there is one. */
  bus: Pick<InstanceBus, 'ask'> | null
  /** The built-in simulated upstream; null = it does not run. */
  sandbox: CommandedSandbox | null
  /** Where people reach the panel, for links in invitations. */
  panelUrl(): string
  env: TrpcEnv
  timings?: SocketTimings
}

/** The environment's share in this side of the server. */
export interface TrpcEnv {
  host: string
  publicUrl?: string | null | undefined
  allowedHosts: readonly string[]
  corsOrigins: readonly string[]
  trustedProxies: readonly string[]
  opsWsOriginPolicy: 'strict' | 'permissive'
  opsWsTrustProxy: boolean
  opsWsTrustedProxies: readonly string[]
  opsWsMaxConns: number
  opsWsMaxConnsPerIp: number
}

/** The tRPC side of the server: a handler for `/trpc`, the server's upgrade events, and what they call. */
export function createTrpc({ env, timings, ...options }: TrpcOptions) {
  const { clock, log } = options
  const publicUrl = env.publicUrl ?? null
  const rules = createOriginRules({ ...env, listenHost: env.host, publicUrl })
  const { services, telling, owners } = createServices({ ...options, isAllowedHost: rules.isAllowedHost })
  const clientAddress = createClientAddress(env.trustedProxies)
  const isTrustedProxy = createProxyTrust(env.trustedProxies)

  function isSecure({ headers, socket }: IncomingMessage): boolean {
    if (publicUrl !== null) return publicUrl.startsWith('https:')
    return headers['x-forwarded-proto'] === 'https' && isTrustedProxy(socket.remoteAddress)
  }

  const admission = createWsAdmission({
    rules,
    clientAddress,
    isSecure,
    isOriginProxy: createProxyTrust(env.opsWsTrustProxy ? env.opsWsTrustedProxies : []),
    originPolicy: env.opsWsOriginPolicy,
    maxConns: env.opsWsMaxConns,
    maxConnsPerIp: env.opsWsMaxConnsPerIp,
  })
  const sockets = createSockets({ services, admission, log, ...(timings ? { timings } : {}) })

  return {
    /** For `app.use('/trpc', …)`. */
    httpHandler: createTrpcHandler({ services, rules, clientAddress, isSecure, clock, log }),
    /** For `app.use('/exports', …)`. */
    exportsHandler: services.exports.handle,
    /** For `server.on('upgrade', …)`. */
    upgrade: sockets.upgrade,
    /** Says goodbye to every socket; HTTP calls that run go on. */
    async close(): Promise<void> {
      await sockets.close()
      await services.errorsFeed.close()
      await services.inviteMail.close()
    },
    openSockets: sockets.openSockets,
    /** Whether this Host header may see the panel. */
    isAllowedHost: rules.isAllowedHost,
    services,
    owners,
    /** Sends alerts, once it is started. */
    telling,
  }
}

function createServices({
  database,
  reports,
  databaseDir,
  box,
  clock,
  log,
  egress,
  publicEgress,
  mailer,
  runtime,
  tokens,
  live,
  explainRoute,
  judging,
  ownRequests,
  bus,
  sandbox,
  panelUrl,
  isAllowedHost,
}: Omit<TrpcOptions, 'env'> & { isAllowedHost(host: string | undefined): boolean }) {
  const { db, sql } = database
  const passwords = createPasswords()
  const sessions = createSessions({ db, clock, hashKey: box.derive('sessions') })
  const secondFactor = createSecondFactor({ db, box, clock })
  const invites = createInvites({ clock, hashKey: box.derive('invites') })
  const users = createUserStore({
    db,
    hashPassword: passwords.hash,
    invite: invites.issue,
    onSignedOut: (userId) => sessions.revokeOthers(userId, null),
  })
  const owners = createOwners({ db, passwords, sessions })
  const subscriptions = createSubscriptions({ db, clock })
  const settings = createSettingsStore({ db, box, egress: publicEgress })
  const errors = createErrors({ database: reports, clock })
  const usage = createUsage({ sql, clock })
  const ops = createOps({ database: reports, clock, settings: settings.get, databaseDir })
  const requests = createRequests({ ledger: usage, errors, clock })
  const telling = createTelling({ db, box, egress: publicEgress, mailer, clock, log, panelUrl })
  const services: Services = {
    auth: createAuth({ db, sessions, passwords, invites, secondFactor, attempts: createAttempts({ clock }) }),
    firstRun: createFirstRun({
      db,
      tokenKey: box.derive('first run'),
      databaseMark: () => secretKeyMark(sql),
      owners,
      sessions,
      attempts: createAttempts({ clock }),
    }),
    sessions,
    secondFactor,
    tickets: createTickets({ clock }),
    users,
    inviteMail: createInviteMail({ mailer, log }),
    groups: createGroupStore({ db }),
    keys: createKeyStore({ db, pepper: apiKeyPepper(box), clock }),
    accounts: createAccounts({
      store: createAccountStore({ db, box }),
      probe: createProbe({ egress, clock }),
      egress,
      runtime,
      tokens,
      box,
      clock,
      sandboxBaseUrl: () => (sandbox ? `${sandbox.url}/v1` : null),
    }),
    subscriptions,
    serviceTokens: createServiceTokens({ db, clock, hashKey: box.derive('service tokens') }),
    settings,
    testSmtp: createSmtpTest({ mailer, clock }),
    prices: createPrices({ db, reports: reports.sql, clock }),
    redeemCodes: createRedeemCodes({
      db,
      clock,
      hashKey: box.derive('redeem codes'),
      grantDays: subscriptions.grant,
      attempts: createAttempts({ clock }),
    }),
    usage,
    my: createMy({ sql, clock, findUser: users.get }),
    exports: createExports({
      clock,
      log,
      isAllowedHost,
      async may(userId, permission) {
        const { status, role } = await users.get(userId)
        return status === 'active' && hasPermission(role, permission)
      },
    }),
    orderUsage: createUsageExport({ sql, clock }),
    orderOps: createOpsExport({ ops, errors, requests, ledger: { columns: USAGE_COLUMNS, cellsOf: usageCells } }),
    live,
    ops,
    leases: createLeases({ database: reports, own: ownRequests, bus }),
    explainRoute,
    requests,
    errors,
    errorsFeed: createErrorsFeed({ errors, log }),
    audit: createAudit({ db }),
    alertRules: judging.rules,
    previewAlertRule: judging.preview,
    alertEvents: judging.events,
    alertEventsFeed: judging.eventsFeed,
    alertChannels: telling.channels,
    alertSilences: telling.silences,
    alertDeliveries: telling.deliveries,
    sandbox: createSandboxControl({ db, sandbox }),
    panelUrl,
  }
  return { services, telling, owners }
}
