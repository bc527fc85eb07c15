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
