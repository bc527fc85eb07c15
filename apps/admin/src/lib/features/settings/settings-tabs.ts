import { m } from '#lib/paraglide/messages.js'
import type { Permission } from '../session/session.svelte.ts'

interface SettingsTab {
  href: string
  title: () => string
  text: () => string
  permission: Permission
}

/** The pages of the settings, as their own navigation and the palette list them. */
export const SETTINGS_TABS: readonly SettingsTab[] = [
  {
    href: '/settings/general',
    title: m.settings_general,
    text: m.settings_general_text,
    permission: 'settings:read',
  },
  { href: '/settings/mail', title: m.settings_mail, text: m.settings_mail_text, permission: 'settings:read' },
  { href: '/settings/retention', title: m.settings_retention, text: m.settings_retention_text, permission: 'ops:read' },
  { href: '/settings/tokens', title: m.settings_tokens, text: m.settings_tokens_text, permission: 'tokens:write' },
  { href: '/settings/security', title: m.settings_security, text: m.settings_security_text, permission: 'self' },
  { href: '/settings/sessions', title: m.settings_sessions, text: m.settings_sessions_text, permission: 'self' },
  { href: '/settings/jobs', title: m.settings_jobs, text: m.settings_jobs_text, permission: 'ops:read' },
  { href: '/alerts/drill', title: m.page_drill, text: m.page_drill_text, permission: 'ops:operate' },
  { href: '/settings/audit', title: m.settings_audit, text: m.settings_audit_text, permission: 'audit:read' },
]

/** The one an address shows. */
export function settingsTabAt(pathname: string): SettingsTab | undefined {
  return SETTINGS_TABS.find(({ href }) => pathname === href || pathname.startsWith(`${href}/`))
}
