import { getLocale, type Locale, overwriteGetLocale, setLocale } from '#lib/paraglide/runtime.js'

export type { Locale }

/**
 * The language of the page, as state: every message that is on screen follows it at once, and what was typed stays.
 * Remembered in this browser; the first visit takes the browser's own language.
 */
export function createLocale() {
  let current = $state<Locale>(getLocale())
  overwriteGetLocale(() => current)

  return {
    get current() {
      return current
    },
    set(next: Locale): void {
      current = next
      void setLocale(next, { reload: false })
    },
  }
}

export type LocaleState = ReturnType<typeof createLocale>
