import { numberFormat } from './number.ts'

/** Dollars of a decimal string, exactly: at least cents, at most the nine decimals that are stored. */
export function formatDollars(locale: string, dollars: string): string {
  const format = numberFormat(locale, {
    style: 'currency',
    currency: 'USD',
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: 2,
    maximumFractionDigits: 9,
  })
  // A decimal string is formatted exactly; as a number it would lose its last digits.
  return format.format(isDecimal(dollars) ? dollars : Number.NaN)
}

function isDecimal(text: string): text is `${number}` {
  return /^-?\d+(\.\d+)?$/.test(text)
}

/** The same rounded: to the cent, or to two digits of what is less. */
export function formatShortDollars(locale: string, dollars: string): string {
  const value = isDecimal(dollars) ? Number(dollars) : Number.NaN
  const digits = value === 0 || Math.abs(value) >= 0.1 ? { maximumFractionDigits: 2 } : { maximumSignificantDigits: 2 }
  const style = { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' } as const
  return numberFormat(locale, { ...style, ...digits }).format(value)
}
