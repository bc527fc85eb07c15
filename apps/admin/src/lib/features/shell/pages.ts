import Activity from '@lucide/svelte/icons/activity'
import Gauge from '@lucide/svelte/icons/gauge'
import KeyRound from '@lucide/svelte/icons/key-round'
import Layers from '@lucide/svelte/icons/layers'
import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard'
import Server from '@lucide/svelte/icons/server'
import TriangleAlert from '@lucide/svelte/icons/triangle-alert'
import Users from '@lucide/svelte/icons/users'
import { m } from '#lib/paraglide/messages.js'

/** The pages there are, as the sidebar and the palette list them. */
export const PAGES = [
  { href: '/', title: m.page_dashboard, icon: LayoutDashboard },
  { href: '/concurrency', title: m.page_concurrency, icon: Gauge },
  { href: '/requests', title: m.page_requests, icon: Activity },
  { href: '/errors', title: m.page_errors, icon: TriangleAlert },
  { href: '/accounts', title: m.page_accounts, icon: Server },
  { href: '/groups', title: m.page_groups, icon: Layers },
  { href: '/users', title: m.page_users, icon: Users },
  { href: '/keys', title: m.page_keys, icon: KeyRound },
] as const

/** Whether a page, or something below it, is what the address shows. */
export function isShown(href: string, pathname: string): boolean {
  return href === '/' ? pathname === '/' : pathname === href || pathname.startsWith(`${href}/`)
}
