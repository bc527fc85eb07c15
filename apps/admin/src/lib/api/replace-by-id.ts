/** The list with the newer state of one member; one that is not on it is left to the next load. */
export function replaceById<T extends { id: number }>(items: readonly T[], newer: T): T[] {
  return items.map((item) => (item.id === newer.id ? newer : item))
}
