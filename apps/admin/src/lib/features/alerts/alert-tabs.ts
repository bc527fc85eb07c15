import { m } from '#lib/paraglide/messages.js'

/** The pages of alerting, as they stand above each of them. */
export function alertTabs(): { href: string; title: string }[] {
  return [
    { href: '/alerts', title: m.tab_active() },
    { href: '/alerts/history', title: m.tab_history() },
    { href: '/alerts/rules', title: m.tab_rules() },
    { href: '/alerts/silences', title: m.tab_silences() },
    { href: '/alerts/channels', title: m.tab_channels() },
    { href: '/alerts/deliveries', title: m.tab_deliveries() },
    { href: '/alerts/drill', title: m.tab_drill() },
  ]
}
