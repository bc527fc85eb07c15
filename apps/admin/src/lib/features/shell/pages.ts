import Activity from '@lucide/svelte/icons/activity'
import BellRing from '@lucide/svelte/icons/bell-ring'
import CalendarClock from '@lucide/svelte/icons/calendar-clock'
import ChartColumn from '@lucide/svelte/icons/chart-column'
import CircleUserRound from '@lucide/svelte/icons/circle-user-round'
import FlaskConical from '@lucide/svelte/icons/flask-conical'
import Gauge from '@lucide/svelte/icons/gauge'
import KeyRound from '@lucide/svelte/icons/key-round'
import Layers from '@lucide/svelte/icons/layers'
import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard'
import Server from '@lucide/svelte/icons/server'
import Settings from '@lucide/svelte/icons/settings'
import Tag from '@lucide/svelte/icons/tag'
import TicketCheck from '@lucide/svelte/icons/ticket-check'
import TriangleAlert from '@lucide/svelte/icons/triangle-alert'
import Users from '@lucide/svelte/icons/users'
import { m } from '#lib/paraglide/messages.js'
import type { Permission } from '../session/session.svelte.ts'

/** The parts of the sidebar, in its order. */
export const SECTIONS = [
  { id: 'watch', title: m.nav_watch },
  { id: 'upstreams', title: m.nav_upstreams },
  { id: 'people', title: m.nav_people },
  { id: 'money', title: m.nav_money },
  { id: 'system', title: m.system },
  { id: 'own', title: m.nav_own },
] as const

/** The pages there are, as the sidebar and the palette list them to who has the permission. */
export const PAGES = [
  { href: '/', title: m.page_dashboard, icon: LayoutDashboard, section: 'watch', needs: 'ops:read' },
  { href: '/concurrency', title: m.page_concurrency, icon: Gauge, section: 'watch', needs: 'ops:read' },
  { href: '/requests', title: m.page_requests, icon: Activity, section: 'watch', needs: 'usage:read' },
  { href: '/errors', title: m.page_errors, icon: TriangleAlert, section: 'watch', needs: 'ops:read' },
  { href: '/alerts', title: m.page_alerts, icon: BellRing, section: 'watch', needs: 'alerts:read' },
  { href: '/accounts', title: m.page_accounts, icon: Server, section: 'upstreams', needs: 'accounts:read' },
  { href: '/groups', title: m.page_groups, icon: Layers, section: 'upstreams', needs: 'groups:read' },
  { href: '/users', title: m.page_users, icon: Users, section: 'people', needs: 'users:read' },
  { href: '/keys', title: m.page_keys, icon: KeyRound, section: 'people', needs: 'keys:read' },
  { href: '/usage', title: m.page_usage, icon: ChartColumn, section: 'money', needs: 'usage:read' },
  {
    href: '/subscriptions',
    title: m.page_subscriptions,
    icon: CalendarClock,
    section: 'money',
    needs: 'subscriptions:read',
  },
  { href: '/redeem', title: m.page_redeem, icon: TicketCheck, section: 'money', needs: 'redeem:read' },
  { href: '/prices', title: m.page_prices, icon: Tag, section: 'money', needs: 'prices:read' },
  { href: '/playground', title: m.page_playground, icon: FlaskConical, section: 'own', needs: 'self' },
  { href: '/settings', title: m.page_settings, icon: Settings, section: 'system', needs: 'self' },
  { href: '/my', title: m.page_my, icon: CircleUserRound, section: 'own', needs: 'self' },
] as const satisfies readonly {
  href: string
  title: () => string
  icon: typeof Activity
  section: (typeof SECTIONS)[number]['id']
  needs: Permission
}[]

export type Page = (typeof PAGES)[number]

/** Whether a page, or something below it, is what the address shows. */
export function isShown(href: string, pathname: string): boolean {
  return href === '/' ? pathname === '/' : pathname === href || pathname.startsWith(`${href}/`)
}

/** The pages somebody may see. */
export function pagesFor(can: (permission: Permission) => boolean): Page[] {
  return PAGES.filter(({ needs }) => can(needs))
}

/** Whether somebody may see what the address shows; what is no page of ours is for everybody: it is not there. */
export function maySee(pathname: string, can: (permission: Permission) => boolean): boolean {
  const shown = PAGES.find(({ href }) => isShown(href, pathname))
  return shown === undefined || can(shown.needs)
}
