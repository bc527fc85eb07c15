import type { RouterOutputs } from '@turnpike/client'
import { getApp } from '#lib/app-context.ts'

type Item = RouterOutputs['ops']['errors']['list']['items'][number]

const MAX_FOLLOWED = 200

/** Errors as they happen, newest first, while `isOn`. */
export function createFollow(isOn: () => boolean) {
  const { api } = getApp()
  let items = $state.raw<Item[]>([])

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
