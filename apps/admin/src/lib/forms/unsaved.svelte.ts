import { beforeNavigate, goto } from '$app/navigation'

/**
 * Keeps what was typed from being left by accident: leaving a form with changes asks first, whatever leads away (a link,
 * closing its sheet, going back). Closing the tab asks as the browser does. `isPage`: the form is there as long as its
 * page is, whatever else the address says.
 */
export function createUnsavedGuard(isUnsaved: () => boolean, { isPage }: { isPage: boolean }) {
  let destination = $state.raw<URL | null>(null)
  let mayLeave = false

  beforeNavigate(({ to, cancel, type }) => {
    if (mayLeave || !isUnsaved()) return
    if (isPage && to?.url.pathname === location.pathname) return
    cancel()
    if (type !== 'leave' && to) destination = to.url
  })

  return {
    get isAsking() {
      return destination !== null
    },
    stay(): void {
      destination = null
    },
    leave(): void {
      if (destination === null) return
      mayLeave = true
      const { pathname, search, hash } = destination
      destination = null
      void goto(`${pathname}${search}${hash}`, { reset: pathname !== location.pathname }).finally(() => {
        mayLeave = false
      })
    },
  }
}
