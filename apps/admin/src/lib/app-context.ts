import { createContext } from 'svelte'
import type { Api } from '#lib/api/client.ts'
import type { Alerts } from '#lib/features/alerts/alerts.svelte.ts'
import type { DrillHolder } from '#lib/features/drill/drill-holder.ts'
import type { Live } from '#lib/features/live/live.svelte.ts'
import type { Names } from '#lib/features/names/names.svelte.ts'
import type { Session } from '#lib/features/session/session.svelte.ts'
import type { LocaleState } from '#lib/i18n/locale.svelte.ts'
import type { ThemeState } from '#lib/theme/theme.svelte.ts'

/** What every page may use; made once by the root layout. */
export interface App {
  api: Api
  session: Session
  live: Live
  alerts: Alerts
  drills: DrillHolder
  names: Names
  locale: LocaleState
  theme: ThemeState
}

export const [getApp, setApp] = createContext<App>()
