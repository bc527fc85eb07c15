import type { Accounts } from './features/accounts/accounts.ts'
import type { Channels } from './features/alerts/channels/channels.ts'
import type { Deliveries } from './features/alerts/delivery/deliveries.ts'
import type { AlertEvents } from './features/alerts/events/events.ts'
import type { EventsFeed } from './features/alerts/events/events-feed.ts'
import type { Judging } from './features/alerts/judging.ts'
import type { AlertRules } from './features/alerts/rules/rules.ts'
import type { Silences } from './features/alerts/silences/silences.ts'
import type { Audit } from './features/audit/audit.ts'
import type { Auth } from './features/auth/auth.ts'
import type { FirstRun } from './features/auth/first-run.ts'
import type { Sessions } from './features/auth/sessions.ts'
import type { Tickets } from './features/auth/tickets.ts'
import type { SecondFactor } from './features/auth/totp.ts'
import type { ExplainRoute } from './features/gateway/explain/explain-route.ts'
import type { GroupStore } from './features/groups/store.ts'
import type { KeyStore } from './features/keys/store.ts'
import type { My } from './features/my/my.ts'
import type { Errors } from './features/ops/errors/errors.ts'
import type { ErrorsFeed } from './features/ops/errors/errors-feed.ts'
import type { OrderOps } from './features/ops/exports/ops-export.ts'
import type { Leases } from './features/ops/leases/leases.ts'
import type { LiveFeed } from './features/ops/live/live-feed.ts'
import type { Ops } from './features/ops/ops.ts'
import type { Requests } from './features/ops/requests/requests.ts'
import type { Prices } from './features/prices/prices.ts'
import type { RedeemCodes } from './features/redeem/redeem.ts'
import type { SandboxControl } from './features/sandbox/sandbox-control.ts'
import type { SettingsStore } from './features/settings/settings.ts'
import type { TestSmtp } from './features/settings/smtp-test.ts'
import type { Subscriptions } from './features/subscriptions/subscriptions.ts'
import type { ServiceTokens } from './features/tokens/tokens.ts'
import type { Usage } from './features/usage/usage.ts'
import type { OrderUsage } from './features/usage/usage-export.ts'
import type { UsageDetail, UsageRecord } from './features/usage/usage-record.ts'
import type { InviteMail } from './features/users/invite-mail.ts'
import type { UserStore } from './features/users/store.ts'
import type { Exports } from './shared/exports/exports.ts'

/** What procedures call; one of each for the whole process. */
export interface Services {
  auth: Auth
  firstRun: FirstRun
  sessions: Sessions
  secondFactor: SecondFactor
  tickets: Tickets
  users: UserStore
  inviteMail: InviteMail
  groups: GroupStore
  keys: KeyStore
  accounts: Accounts
  subscriptions: Subscriptions
  prices: Prices
  redeemCodes: RedeemCodes
  settings: SettingsStore
  testSmtp: TestSmtp
  serviceTokens: ServiceTokens
  usage: Usage
  exports: Exports
  orderUsage: OrderUsage
  orderOps: OrderOps
  my: My
  live: LiveFeed
  ops: Ops
  leases: Leases
  explainRoute: ExplainRoute
  requests: Requests<UsageRecord, UsageDetail>
  errors: Errors
  errorsFeed: ErrorsFeed
  audit: Audit
  alertRules: AlertRules
  previewAlertRule: Judging['preview']
  alertEvents: AlertEvents
  alertEventsFeed: EventsFeed
  alertChannels: Channels
  alertSilences: Silences
  alertDeliveries: Deliveries
  sandbox: SandboxControl
  /** Where people reach the panel. */
  panelUrl(): string
}
