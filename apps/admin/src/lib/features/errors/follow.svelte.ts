import { getApp } from '#lib/app-context.ts'
import type { ErrorItem } from './error-text.ts'

const MAX_FOLLOWED = 200

/** Errors as they happen, newest first, while `isOn`. */
export function createFollow(isOn: () => boolean) {
  const { api } = getApp()
  let items = $state.raw<ErrorItem[]>([])

  $effect(() => {
    if (!isOn()) return
    items = []
    const following = api.ops.errorsLive.subscribe(undefined, {
      onData: ({ data }) => {
        if (!items.some(({ id }) => id === data.id)) items = [data, ...items].slice(0, MAX_FOLLOWED)
      },
    })
    return () => following.unsubscribe()
  })

  return {
    get items() {
      return items
    },
  }
}
