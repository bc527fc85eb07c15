import { parseLines } from '#lib/forms/lines.ts'

/** Labels as one `name=value` per line. A line without a sign is kept as a name without a value, which is refused. */
export function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    parseLines(text).map((line) => {
      const at = line.indexOf('=')
      return at === -1 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    }),
  )
}

export function printLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}

/** Labels in an address: `label.group=3`. */
export function labelParams(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [`label.${name}`, value]))
}

export function readLabelParams(params: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries(
    [...params].flatMap(([name, value]) => (name.startsWith('label.') ? [[name.slice('label.'.length), value]] : [])),
  )
}
