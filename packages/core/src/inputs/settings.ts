import { z } from 'zod'
import { SMTP_SECURITIES } from '../words.ts'
import { email, line, text } from './primitives.ts'

/** Every setting of the product, by its key in the table `settings`: what `settings.set` takes and the server reads. */
export const settings = z.strictObject({
  /** An IANA time zone: calendar days and months of spending limits, midnights of subscription windows. */
  timeZone: line(64).refine(isTimeZone, 'must be a time zone, e.g. Europe/Berlin'),
  /** How the User-Agent of clients of the Codex family starts (gateway.md, step 3). */
  'gateway.codexUserAgents': z.array(line(64)).max(50),
  /** A stream that has been silent this long gets a sign of life. */
  'gateway.keepAliveMs': z.int().min(1_000).max(60_000),
  /** How long a session waits for its own account while another one is free. */
  'gateway.stickyWaitMs': z.int().min(0).max(30_000),
  /** Successes of successes and errors that are promised, percent; the dashboard compares with it. */
  'ops.slaTargetPercent': z.number().min(50).max(100),
  /** What the gateway may add to a request, and how long a first token may take, at the 99th percentile: full health. */
  'ops.gatewayTargetMs': z.number().min(1).max(60_000),
  'ops.ttftTargetMs': z.number().min(100).max(600_000),
  /** How long a sign-in lasts at most; up to 30 days. */
  'sessions.absoluteHours': z.int().min(1).max(720),
  /** The server that takes mail over; null = `SMTP_URL` of the environment, or no mail. Only together with `smtp.from`. */
  'smtp.host': line(255).nullable(),
  'smtp.port': z.int().min(1).max(65_535),
  'smtp.security': z.enum(SMTP_SECURITIES),
  'smtp.user': line(320).nullable(),
  'smtp.from': email.nullable(),
})

export type Settings = z.output<typeof settings>
export type SettingKey = keyof Settings

/** Some settings; the others stay as they are. The password is never read again; null takes it away. */
export const settingsSet = settings.partial().extend({ 'smtp.password': text(500).min(1).nullable().optional() })
export type SettingsSet = z.output<typeof settingsSet>

/** What holds where nothing, or nothing that makes sense, is stored. */
export const DEFAULT_SETTINGS: Settings = {
  timeZone: 'UTC',
  'gateway.codexUserAgents': [
    'codex_cli_rs/',
    'codex_vscode/',
    'codex_exec/',
    'codex-tui/',
    'codex_sdk_ts/',
    'codex-app-server/',
    'codex_mcp_server/',
    'codex_atlas/',
    'codex_chatgpt_desktop/',
    'Codex Desktop/',
  ],
  'gateway.keepAliveMs': 15_000,
  'gateway.stickyWaitMs': 1_500,
  'ops.slaTargetPercent': 99.9,
  'ops.gatewayTargetMs': 25,
  'ops.ttftTargetMs': 20_000,
  'sessions.absoluteHours': 12,
  'smtp.host': null,
  'smtp.port': 587,
  'smtp.security': 'starttls',
  'smtp.user': null,
  'smtp.from': null,
}

/** Who the test mail is for; the caller, where left out. */
export const smtpTest = z.strictObject({ to: email.optional() }).prefault({})

export interface ReadSettings {
  settings: Settings
  /** Keys whose stored value makes no sense: their defaults hold. */
  invalid: SettingKey[]
}

/** The settings as stored, row by row. Rows of other names are nobody's settings and are passed over. */
export function readSettings(rows: Iterable<{ key: string; value: unknown }>): ReadSettings {
  const stored = new Map([...rows].map(({ key, value }) => [key, value]))
  const read: ReadSettings = { settings: { ...DEFAULT_SETTINGS }, invalid: [] }
  for (const key of settings.keyof().options) {
    if (!stored.has(key)) continue
    const parsed = settings.partial().safeParse({ [key]: stored.get(key) })
    if (parsed.success) Object.assign(read.settings, parsed.data)
    else read.invalid.push(key)
  }
  return read
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
