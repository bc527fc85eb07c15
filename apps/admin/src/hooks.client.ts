import { config } from 'zod/v4/core'

/** Before anything else: schemas would try whether they may compile themselves, and the page's policy reports that. */
export function init(): void {
  config({ jitless: true })
}
