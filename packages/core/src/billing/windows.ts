const DAY_MS = 86_400_000
/** Calendar days of a subscription's windows. */
const WEEK_DAYS = 7
const MONTH_DAYS = 30

/** Earliest begins, ms since the epoch, of windows that still run at the moment they were asked for. */
export interface WindowStarts {
  /** Also where a window begins that begins now. */
  day: number
  week: number
  month: number
}

/**
 * Windows of a subscription (spec: accounts and billing, "Objects") begin at midnight of their first use and take 1, 7 and 30
 * calendar days of the time zone: 24 hours each but where clocks are changed, so that none ends before its midnight. One
 * that began earlier than told here is over; the next begins at `day`.
 */
export function windowStarts(atMs: number, timeZone: string): WindowStarts {
  const date = localDate(atMs, timeZone)
  return {
    day: startOfDate(date, timeZone),
    week: startOfDate({ ...date, day: date.day - (WEEK_DAYS - 1) }, timeZone),
    month: startOfDate({ ...date, day: date.day - (MONTH_DAYS - 1) }, timeZone),
  }
}

/** When a window that began at `startMs` is over, ms since the epoch. */
export function windowEnd(startMs: number, days: 1 | 7 | 30, timeZone: string): number {
  const date = localDate(startMs, timeZone)
  return startOfDate({ ...date, day: date.day + days }, timeZone)
}

/** The begin of the calendar day and month, ms since the epoch: what a key's limits count from. */
export function calendarStarts(atMs: number, timeZone: string): { day: number; month: number } {
  const date = localDate(atMs, timeZone)
  return { day: startOfDate(date, timeZone), month: startOfDate({ ...date, day: 1 }, timeZone) }
}

/** `month` counts from 0; a `day` outside the month belongs to another one. */
interface LocalDate {
  year: number
  month: number
  day: number
}

function localDate(atMs: number, timeZone: string): LocalDate {
  const local = new Date(localTime(atMs, timeZone))
  return { year: local.getUTCFullYear(), month: local.getUTCMonth(), day: local.getUTCDate() }
}

/** The first moment of the day: where clocks go forward at midnight, it is later than 0:00. */
function startOfDate({ year, month, day }: LocalDate, timeZone: string): number {
  const midnight = Date.UTC(year, month, day)
  const offsets = [-DAY_MS, DAY_MS].map((around) => localTime(midnight + around, timeZone) - (midnight + around))
  const starts = offsets.map((offset) => midnight - offset).toSorted((a, b) => a - b)
  return starts.find((start) => isOnDate(start, midnight, timeZone)) ?? midnight
}

function isOnDate(atMs: number, midnight: number, timeZone: string): boolean {
  const local = localTime(atMs, timeZone)
  return local >= midnight && local < midnight + DAY_MS
}

/** What the clocks of the zone show, as if it were UTC; whole seconds. */
function localTime(atMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return Math.floor(atMs / 1000) * 1000
  const parts: Record<string, number> = {}
  for (const { type, value } of formatOf(timeZone).formatToParts(atMs)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/** Made once for the zone in use: making one takes longer than all the rest. */
let latest: { timeZone: string; format: Intl.DateTimeFormat } | null = null

function formatOf(timeZone: string): Intl.DateTimeFormat {
  if (latest?.timeZone !== timeZone) latest = { timeZone, format: makeFormat(timeZone) }
  return latest.format
}

function makeFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
}
