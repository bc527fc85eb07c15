import type { RouterOutputs } from '@turnpike/client'
import type { Api } from '#lib/api/client.ts'
import { m } from '#lib/paraglide/messages.js'
import { toast } from '#lib/ui/toast.svelte.ts'

type AlertEvent = RouterOutputs['alerts']['events']['list']['items'][number]

/** The badge counts so far; beyond it says "more". */
export const MAX_COUNTED = 100
/** What a lost message would have told is found out this late. */
const REFRESH_MS = 60_000
/** News that come together (a reconnection) are told of as one: no more toasts than these at a time. */
const MAX_TOASTS = 3
const TOASTS_WITHIN_MS = 5_000

interface AlertsOptions {
  api: Api
  open(path: string): void
}

/** What every page shows of alerting: how much fires, whether anybody would be told, and news as they come. */
export function createAlerts({ api, open }: AlertsOptions) {
  let active = $state.raw<AlertEvent[] | null>(null)
  let hasChannel = $state<boolean | null>(null)
  let version = $state(0)
  let toasts: number[] = []

  /** Begins to listen; returns how to stop. */
  function start(): () => void {
    refresh()
    const following = api.alerts.live.subscribe(undefined, {
      onData: ({ data }) => take(data),
      onError: () => undefined,
    })
    const timer = setInterval(refresh, REFRESH_MS)
    return () => {
      clearInterval(timer)
      following.unsubscribe()
    }
  }

  function take(event: AlertEvent): void {
    version += 1
    refresh()
    if (!mayToast()) return
    const isNew = event.status === 'firing' && event.acknowledgedAt === null
    const action = { label: m.alert_open(), onClick: () => open(`/alerts/history/${event.id}`) }
    if (isNew) toast.warned(m.alert_new({ name: event.ruleName }), action)
    else if (event.status !== 'firing') toast.told(m.alert_gone({ name: event.ruleName }), action)
  }

  function mayToast(): boolean {
    const now = performance.now()
    toasts = toasts.filter((at) => now - at < TOASTS_WITHIN_MS)
    if (toasts.length >= MAX_TOASTS) return false
    toasts.push(now)
    return true
  }

  /** Asks for both anew. What cannot be asked now is asked again in a minute; what is known stays. */
  function refresh(): void {
    void api.alerts.events.list.query({ status: 'firing', limit: MAX_COUNTED }).then(
      ({ items }) => {
        active = items
      },
      () => undefined,
    )
    void api.alerts.channels.list.query({ enabled: true, limit: 500 }).then(
      ({ items }) => {
        hasChannel = items.some(({ isDefault }) => isDefault)
      },
      () => undefined,
    )
  }

  return {
    start,
    refresh,
    /** What fires, at most `MAX_COUNTED`; null = not known yet. */
    get active() {
      return active
    },
    get hasChannel() {
      return hasChannel
    },
    /** Counts the news: what depends on them asks again. */
    get version() {
      return version
    },
  }
}

export type Alerts = ReturnType<typeof createAlerts>
