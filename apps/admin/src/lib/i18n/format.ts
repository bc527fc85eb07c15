import * as duration from '#lib/format/duration.ts'
import * as money from '#lib/format/money.ts'
import * as number from '#lib/format/number.ts'
import * as time from '#lib/format/time.ts'
import { getLocale } from '#lib/paraglide/runtime.js'

/** How the page writes numbers, times and money: by its language, and in the reader's time zone. */
export const format = {
  count: (value: number) => number.formatCount(getLocale(), value),
  compact: (value: number) => number.formatCompact(getLocale(), value),
  /** With as many decimals as a small number needs. */
  decimal: (value: number) => number.formatDecimal(getLocale(), value),
  /** With its sign, for changes. */
  signed: (value: number) => number.formatSigned(getLocale(), value),
  signedPercent: (value: number) => number.formatSignedPercent(getLocale(), value),
  percent: (value: number) => number.formatPercent(getLocale(), value),
  bytes: (value: number) => number.formatBytes(getLocale(), value),
  ms: (value: number) => duration.formatMs(getLocale(), value),
  span: (value: number) => duration.formatSpan(getLocale(), value),
  /** To the cent, or as fine as a small sum needs; for where there is little room. */
  shortDollars: (value: string) => money.formatShortDollars(getLocale(), value),
  dollars: (value: string) => money.formatDollars(getLocale(), value),
  date: (iso: string) => time.formatDate(getLocale(), new Date(iso)),
  dateTime: (iso: string) => time.formatDateTime(getLocale(), new Date(iso)),
  fullTime: (iso: string) => time.formatFullTime(getLocale(), new Date(iso)),
  day: (at: Date, timeZone?: string) => time.formatDay(getLocale(), at, timeZone),
  hour: (at: Date, timeZone?: string) => time.formatHour(getLocale(), at, timeZone),
  clock: (at: Date) => time.formatClock(getLocale(), at),
  timeZone: () => time.describeTimeZone(getLocale(), new Date()),
}
