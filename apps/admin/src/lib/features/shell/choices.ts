import type { Locale } from '#lib/i18n/locale.svelte.ts'
import { m } from '#lib/paraglide/messages.js'
import type { Theme } from '#lib/theme/theme.svelte.ts'

/** A language is written in itself, so that who cannot read the page finds it. */
export function localeChoices(): { value: Locale; label: string }[] {
  return [
    { value: 'en', label: m.language_en() },
    { value: 'zh', label: m.language_zh() },
  ]
}

export function themeChoices(): { value: Theme; label: string }[] {
  return [
    { value: 'system', label: m.theme_system() },
    { value: 'light', label: m.theme_light() },
    { value: 'dark', label: m.theme_dark() },
  ]
}
