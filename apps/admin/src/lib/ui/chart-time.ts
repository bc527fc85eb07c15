import { format } from '#lib/i18n/format.ts'

const DAY_SECONDS = 86_400
const MIDNIGHT = '00:00'

/** What stands at a mark of a time axis: the day where marks are days apart or a day begins, else the hour. */
export function axisTime(at: Date, stepSeconds: number, timeZone?: string): string {
  const hour = format.hour(at, timeZone)
  return stepSeconds >= DAY_SECONDS || hour === MIDNIGHT ? format.day(at, timeZone) : hour
}

/** When the point at `index` is, as finely as the points are apart: a day, a moment of a day, a second of today. */
export function pointTime(seconds: readonly number[], index: number, timeZone?: string): string {
  const second = seconds[index]
  if (second === undefined) return ''
  const at = new Date(second * 1000)
  const [first = second, next = second] = seconds
  if (next - first >= DAY_SECONDS) return format.day(at, timeZone)
  const isWithinADay = (seconds.at(-1) ?? second) - first < DAY_SECONDS
  return isWithinADay ? format.clock(at) : format.dateTime(at.toISOString())
}
