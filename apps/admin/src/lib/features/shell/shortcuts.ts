/** What a key, or two in a row, does. */
export type Shortcut = { kind: 'help' } | { kind: 'go'; href: string }

/** Where `g` and a letter lead. */
export const GO_TO = {
  d: '/',
  c: '/concurrency',
  r: '/requests',
  e: '/errors',
  a: '/accounts',
  k: '/keys',
  p: '/playground',
  s: '/settings',
} as const

/** The second key of two has to come soon: later it is a key of its own. */
const TOGETHER_MS = 1_500

/** Reads keys as they are pressed; answers what they mean, or null. `nowMs` only has to run forward. */
export function createShortcutReader() {
  let wentAtMs = Number.NEGATIVE_INFINITY

  return function read(key: string, nowMs: number): Shortcut | null {
    const isSecond = nowMs - wentAtMs <= TOGETHER_MS
    wentAtMs = key === 'g' && !isSecond ? nowMs : Number.NEGATIVE_INFINITY
    if (key === '?') return { kind: 'help' }
    const href = isSecond ? Object.entries(GO_TO).find(([letter]) => letter === key)?.[1] : undefined
    return href === undefined ? null : { kind: 'go', href }
  }
}

/** Keys that belong to what has the focus: something is typed there, or chosen. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return (
    target.closest('input, textarea, select, [contenteditable], [role="menu"], [role="dialog"], [role="listbox"]') !==
    null
  )
}
