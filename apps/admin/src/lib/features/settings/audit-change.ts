import { changeText } from './audit-text.ts'

/** One member of what an act changed; `from` is null where there was nothing before. */
export interface ChangeLine {
  name: string
  from: string | null
  to: string
}

/** A change as stored: members with `from` and `to`, or what was made as it is. */
export function changeLines(change: Record<string, unknown>): ChangeLine[] {
  return Object.entries(change).map(([name, value]) => {
    if (isPair(value)) return { name, from: changeText(value.from), to: changeText(value.to) }
    return { name, from: null, to: changeText(value) }
  })
}

function isPair(value: unknown): value is { from: unknown; to: unknown } {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value
}
