import type { Settings, SettingsSet } from '@turnpike/core/inputs/settings'
import { changed } from '#lib/forms/changed.ts'
import { orNull, parseWhole } from '#lib/forms/lines.ts'

/** How mail leaves, as the form holds it. */
export interface MailValues {
  host: string
  port: string
  security: Settings['smtp.security']
  user: string
  from: string
  /** Empty = the stored one stays. */
  password: string
  /** True = the stored one is taken away. */
  forgetsPassword: boolean
}

type MailSettings = Pick<Settings, 'smtp.host' | 'smtp.port' | 'smtp.security' | 'smtp.user' | 'smtp.from'>

export function valuesOfMail(stored: MailSettings): MailValues {
  return {
    host: stored['smtp.host'] ?? '',
    port: String(stored['smtp.port']),
    security: stored['smtp.security'],
    user: stored['smtp.user'] ?? '',
    from: stored['smtp.from'] ?? '',
    password: '',
    forgetsPassword: false,
  }
}

/** Only what differs from what is stored. */
export function mailInput(stored: MailSettings, values: MailValues): SettingsSet {
  return { ...changed(members(valuesOfMail(stored)), members(values)), ...passwordInput(values) }
}

function members({ host, port, security, user, from }: MailValues): MailSettings {
  return {
    'smtp.host': orNull(host),
    'smtp.port': parseWhole(port, Number.NaN),
    'smtp.security': security,
    'smtp.user': orNull(user),
    'smtp.from': orNull(from),
  }
}

function passwordInput({ password, forgetsPassword }: MailValues): Pick<SettingsSet, 'smtp.password'> {
  if (forgetsPassword) return { 'smtp.password': null }
  return password === '' ? {} : { 'smtp.password': password }
}
