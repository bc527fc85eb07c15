/** Nano-dollars in one dollar. */
export const NANO_PER_DOLLAR = 1_000_000_000n

const DOLLARS = /^(-?)(\d{1,9})(?:\.(\d{1,9}))?$/

/** Nano-dollars of a decimal dollar string (at most 9 digits before and after the point); null where it is none. */
export function parseDollars(text: string): bigint | null {
  const match = DOLLARS.exec(text)
  if (!match) return null
  const [, sign = '', whole = '0', fraction = ''] = match
  const nano = BigInt(whole) * NANO_PER_DOLLAR + BigInt(fraction.padEnd(9, '0'))
  return sign === '-' ? -nano : nano
}

/** Nano-dollars as a decimal dollar string without trailing zeros: `1250000000n` is `1.25`. */
export function formatDollars(nano: bigint): string {
  const size = nano < 0n ? -nano : nano
  const fraction = (size % NANO_PER_DOLLAR).toString().padStart(9, '0').replace(/0+$/, '')
  return `${nano < 0n ? '-' : ''}${size / NANO_PER_DOLLAR}${fraction === '' ? '' : `.${fraction}`}`
}
