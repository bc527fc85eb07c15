/** A header that is sent along to the upstream, as the form holds it. */
export interface HeaderRow {
  name: string
  value: string
}

const HEADER_NAME = /^[a-z0-9-]{1,100}$/i

/** Rows left wholly empty are none; of two for one header the last one counts. */
export function headersOf(rows: readonly HeaderRow[]): Record<string, string> {
  const filled = rows
    .map(({ name, value }) => ({ name: name.trim().toLowerCase(), value: value.trim() }))
    .filter(({ name, value }) => name !== '' || value !== '')
  return Object.fromEntries(filled.map(({ name, value }) => [name, value]))
}

/** True where a row that is not empty has a name that no header can have. */
export function hasBadHeaderName(rows: readonly HeaderRow[]): boolean {
  return Object.keys(headersOf(rows)).some((name) => !HEADER_NAME.test(name))
}

/** Priorities as typed, by the group's id. */
export function priorityTexts(priorities: readonly { groupId: number; priority: number }[]): Record<string, string> {
  return Object.fromEntries(priorities.map(({ groupId, priority }) => [groupId, String(priority)]))
}

/** Those of the groups that are chosen, in the order the server tells them; an empty one is the account's own priority. */
export function prioritiesOf(texts: Readonly<Record<string, string>>, groupIds: readonly number[]) {
  return groupIds
    .toSorted((a, b) => a - b)
    .map((groupId) => ({ groupId, text: texts[groupId]?.trim() ?? '' }))
    .filter(({ text }) => text !== '')
    .map(({ groupId, text }) => ({ groupId, priority: /^\d+$/.test(text) ? Number(text) : Number.NaN }))
}
