/** What stands for an id in lists, as SQL over a relation `c` with the id: names of today, also of what is archived. */
export const LABELS: Readonly<Record<string, string>> = {
  account: '(select name from accounts where id = c.id)',
  group: '(select name from groups where id = c.id)',
  user: '(select email from users where id = c.id)',
  key: '(select name from api_keys where id = c.id)',
}

/** Ids of things are numbers, names are themselves. */
export function nameOf(grouping: string, id: string | null): string | number | null {
  return id !== null && grouping in LABELS ? Number(id) : id
}
