import type { Price } from './cost.ts'

const DOLLAR = 1_000_000_000n

/** List prices of the built-in simulated upstream, so that a quick start shows money; nobody is charged them. */
const SANDBOX_PRICES: Record<string, Price> = {
  'sandbox-small': sandboxPrice((15n * DOLLAR) / 100n, (60n * DOLLAR) / 100n),
  'sandbox-large': sandboxPrice((250n * DOLLAR) / 100n, 10n * DOLLAR),
  'sandbox-reasoning': sandboxPrice((110n * DOLLAR) / 100n, (440n * DOLLAR) / 100n),
}

/** The price of a sandbox model; its name may carry commands behind a `?` (`sandbox-small?fault=stall`). */
export function sandboxPriceOf(model: string): Price | null {
  const [name = ''] = model.split('?', 1)
  return Object.hasOwn(SANDBOX_PRICES, name) ? (SANDBOX_PRICES[name] ?? null) : null
}

function sandboxPrice(inputNano: bigint, outputNano: bigint): Price {
  return {
    inputNano,
    cachedInputNano: inputNano / 2n,
    cacheWriteNano: inputNano,
    outputNano,
    tiers: [],
    source: 'sandbox',
  }
}
