import type { Drill } from './drill.svelte.ts'

/** Keeps the drill while other pages are looked at; what it is made of comes with its page. */
export function createDrillHolder() {
  let drill: Drill | null = null
  return {
    open(make: () => Drill): Drill {
      drill ??= make()
      return drill
    },
  }
}

export type DrillHolder = ReturnType<typeof createDrillHolder>
