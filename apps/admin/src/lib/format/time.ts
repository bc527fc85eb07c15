const cache = new Map<string, Intl.DateTimeFormat>()

function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale}${JSON.stringify(options)}`
  let format = cache.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat(locale, options)
    cache.set(key, format)
  }
  return format
}

/** A day of any year, where its hours tell nothing. */
export function formatDate(locale: string, at: Date, timeZone?: string): string {
  return dateFormat(locale, { year: 'numeric', month: 'short', day: 'numeric', timeZone }).format(at)
}

/** Date and time to the second, for lists. */
export function formatDateTime(locale: string, at: Date, timeZone?: string): string {
  return dateFormat(locale, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone,
  }).format(at)
}

/** Everything, with milliseconds and zone: what a person compares with a log. */
export function formatFullTime(locale: string, at: Date, timeZone?: string): string {
  return dateFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
    timeZoneName: 'shortOffset',
    timeZone,
  }).format(at)
}

/** Hours and minutes, for an axis. */
export function formatHour(locale: string, at: Date, timeZone?: string): string {
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone }).format(at)
}

/** A day, for an axis. */
export function formatDay(locale: string, at: Date, timeZone?: string): string {
  return dateFormat(locale, { month: 'short', day: 'numeric', timeZone }).format(at)
}

/** Hours, minutes and seconds. */
export function formatClock(locale: string, at: Date, timeZone?: string): string {
  return dateFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone,
  }).format(at)
}

/** The reader's zone by name and present offset: `Europe/Berlin · GMT+1`. */
export function describeTimeZone(locale: string, at: Date, timeZone?: string): string {
  const format = dateFormat(locale, { timeZoneName: 'shortOffset', timeZone })
  const offset = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const name = format.resolvedOptions().timeZone
  return name === 'UTC' || offset === '' ? name : `${name} · ${offset}`
}

/** An instant as `<input type="datetime-local">` wants it, in the reader's zone; empty where there is none. */
export function toLocalInput(iso: string | null): string {
  if (iso === null) return ''
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return ''
  const two = (value: number) => String(value).padStart(2, '0')
  const date = `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** The instant a `datetime-local` field holds, as ISO 8601 UTC; null where it holds none. */
export function fromLocalInput(text: string): string | null {
  if (text === '') return null
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? null : at.toISOString()
}
