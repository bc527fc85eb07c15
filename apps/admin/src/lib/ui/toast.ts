import { toast as sonner } from 'svelte-sonner'

/** What a notice offers to do. */
interface ToastAction {
  label: string
  onClick: () => void
}

/** News come unasked: not where the buttons of a sheet are. */
const NEWS_AT = 'bottom-left'

/** A short notice that something was done, or could not be. Plain text only. */
export const toast = {
  done: (text: string) => void sonner.success(text),
  failed: (text: string) => void sonner.error(text),
  told: (text: string, action: ToastAction) => void sonner.info(text, { action, position: NEWS_AT }),
  warned: (text: string, action: ToastAction) => void sonner.warning(text, { action, position: NEWS_AT }),
}
