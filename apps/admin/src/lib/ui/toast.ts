import { toast as sonner } from 'svelte-sonner'

/** A short notice that something was done, or could not be. Plain text only. */
export const toast = {
  done: (text: string) => void sonner.success(text),
  failed: (text: string) => void sonner.error(text),
}
