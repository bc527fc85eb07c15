import { m } from '#lib/paraglide/messages.js'

type Library = typeof import('svelte-sonner')

/** What a notice offers to do. */
interface ToastAction {
  label: string
  onClick: () => void
}

/** News come unasked: not where the buttons of a sheet are. */
const NEWS_AT = 'bottom-left'
/** Longer than other notices stand: whoever did it by mistake must see it, and reach it. */
const UNDO_MS = 10_000

// The library comes with the first notice: most visits show none.
let library = $state.raw<Library | null>(null)

function show(notice: (sonner: Library['toast']) => unknown): void {
  void import('svelte-sonner').then(
    (loaded) => {
      library = loaded
      notice(loaded.toast)
    },
    // Without a server there is nothing to load it from; the page itself says then that the server is away.
    () => undefined,
  )
}

/** A short notice that something was done, or could not be. Plain text only. */
export const toast = {
  /** `undo` takes back what was done, and tells itself where it could not: the notice offers it while it stands. */
  done: (text: string, undo?: () => unknown) =>
    show((sonner) =>
      undo === undefined
        ? sonner.success(text)
        : sonner.success(text, { action: { label: m.undo(), onClick: () => void undo() }, duration: UNDO_MS }),
    ),
  failed: (text: string) => show((sonner) => sonner.error(text)),
  told: (text: string, action: ToastAction) => show((sonner) => sonner.info(text, { action, position: NEWS_AT })),
  warned: (text: string, action: ToastAction) => show((sonner) => sonner.warning(text, { action, position: NEWS_AT })),
}

/** True for a notice, or what is in one: it belongs to no dialog, and is outside of none. */
export function isNotice(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('[data-sonner-toaster]') !== null
}

/** The component that shows the notices; null until there is one to show. */
export function toasterOf(): Library['Toaster'] | null {
  return library?.Toaster ?? null
}
