/** What differs between two states of an object, member by member, as the audit log tells it. */
export function changed<T extends object>(before: T, after: T): Record<string, { from: unknown; to: unknown }> {
  const earlier = new Map(Object.entries(before))
  return Object.fromEntries(
    Object.entries(after)
      .filter(([name, value]) => JSON.stringify(earlier.get(name)) !== JSON.stringify(value))
      .map(([name, value]) => [name, { from: earlier.get(name), to: value }]),
  )
}
