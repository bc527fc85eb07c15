const cache = new Map<string, Intl.NumberFormat>()

/** Number formats are dear to make and few: one of each kind is kept. */
export function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale}${JSON.stringify(options)}`
  let format = cache.get(key)
  if (!format) {
    format = new Intl.NumberFormat(locale, options)
    cache.set(key, format)
  }
  return format
}

/** A whole number with the locale's separators. */
export function formatCount(locale: string, value: number): string {
  return numberFormat(locale, { maximumFractionDigits: 0 }).format(value)
}

/** A big number in few characters: 1.2K, 3.4M; below ten thousand it is written out. */
export function formatCompact(locale: string, value: number): string {
  if (Math.abs(value) < 10_000) return formatCount(locale, value)
  return numberFormat(locale, { notation: 'compact', maximumSignificantDigits: 3 }).format(value)
}

/** Percent of 0–100, with as many decimals as tell something. */
export function formatPercent(locale: string, value: number): string {
  const digits = value !== 0 && value !== 100 && (value < 1 || value > 99) ? 2 : 1
  return numberFormat(locale, { style: 'percent', maximumFractionDigits: digits }).format(value / 100)
}

/** A number in at most three digits that tell something, shortened when it is big. */
export function formatDecimal(locale: string, value: number): string {
  if (Math.abs(value) >= 100) return formatCompact(locale, Math.round(value))
  return numberFormat(locale, { maximumSignificantDigits: 3 }).format(value)
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

/** A size in the unit a person would say it in, by thousands: 512 byte, 12.3 MB. */
export function formatBytes(locale: string, bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), BYTE_UNITS.length - 1)
  const options = { style: 'unit', unit: BYTE_UNITS[power] ?? 'byte', unitDisplay: 'short' } as const
  return numberFormat(locale, { ...options, maximumSignificantDigits: 3 }).format(bytes / 1000 ** power)
}

export function formatSigned(locale: string, value: number): string {
  return numberFormat(locale, { signDisplay: 'exceptZero', maximumFractionDigits: 2 }).format(value)
}

/** A change in percent of 0–100. */
export function formatSignedPercent(locale: string, value: number): string {
  return numberFormat(locale, { style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: 0 }).format(
    value / 100,
  )
}
