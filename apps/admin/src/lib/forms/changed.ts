/** The members of `next` that differ from `before`, compared by content. */
export function changed<T extends object>(before: T, next: T): Partial<T> {
  const result: Partial<T> = {}
  for (const name of keysOf(next)) {
    if (JSON.stringify(before[name]) !== JSON.stringify(next[name])) result[name] = next[name]
  }
  return result
}

// Our own literals have no more keys than their type.
function keysOf<T extends object>(value: T): (keyof T)[] {
  return Object.keys(value) as (keyof T)[]
}
