export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const STORAGE_KEY = 'turnpike.theme'

/** Light, dark, or as the system has it; remembered in this browser. `static/theme.js` does the same before first paint. */
export function createTheme() {
  const media = matchMedia('(prefers-color-scheme: dark)')
  const stored = localStorage.getItem(STORAGE_KEY)
  let chosen = $state<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')
  let systemIsDark = $state(media.matches)
  const isDark = $derived(chosen === 'dark' || (chosen === 'system' && systemIsDark))

  $effect(() => {
    const follow = () => {
      systemIsDark = media.matches
    }
    media.addEventListener('change', follow)
    return () => media.removeEventListener('change', follow)
  })
  $effect(() => {
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  })

  return {
    get chosen() {
      return chosen
    },
    get isDark() {
      return isDark
    },
    set(next: Theme): void {
      chosen = next
      if (next === 'system') localStorage.removeItem(STORAGE_KEY)
      else localStorage.setItem(STORAGE_KEY, next)
    },
  }
}

export type ThemeState = ReturnType<typeof createTheme>
