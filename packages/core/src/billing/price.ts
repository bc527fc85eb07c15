import type { Provider } from '../words.ts'
import type { Price } from './cost.ts'
import { type DatedPrice, isValid, packagePrices } from './package-prices.ts'
import { sandboxPriceOf } from './sandbox-prices.ts'

/** A row of the prices table. Null rates are as `inputNano`. */
export interface PriceOverride {
  /** Null = whatever the provider. */
  provider: Provider | null
  /** A model's name, or its beginning followed by `*`. */
  model: string
  inputNano: bigint
  cachedInputNano: bigint | null
  cacheWriteNano: bigint | null
  outputNano: bigint
  validFrom: Date
}

export interface PriceList {
  /** The price of an upstream model that held at `atMs` (when the request started); null = unpriced, never free. */
  priceOf(model: string, provider: Provider, atMs: number): Price | null
}

/** Model names come from callers, so what was found about them is remembered for so many per provider, and short ones, only. */
const MAX_REMEMBERED_MODELS = 1_024
const MAX_REMEMBERED_NAME = 256

/**
 * The price list of one state of the prices table; make a new one when the table changes. Overrides go before list prices:
 * a name before a pattern, a longer pattern before a shorter, a row of the provider before one for all, then the newest.
 */
export function createPriceList(overrides: readonly PriceOverride[]): PriceList {
  const sorted = overrides.toSorted(compareOverrides)
  const remembered = new Map<Provider, Map<string, readonly DatedPrice[]>>()

  function priceOf(model: string, provider: Provider, atMs: number): Price | null {
    const dated = remembered.get(provider)?.get(model) ?? lookUp(model, provider)
    for (const { validity, price } of dated) {
      if (isValid(validity, atMs)) return price
    }
    return null
  }

  function lookUp(model: string, provider: Provider): readonly DatedPrice[] {
    const dated = [...overridesFor(model, provider, sorted), ...listPrices(model, provider)]
    if (model.length <= MAX_REMEMBERED_NAME) remember(model, provider, dated)
    return dated
  }

  function remember(model: string, provider: Provider, dated: readonly DatedPrice[]): void {
    const models = remembered.get(provider) ?? new Map<string, readonly DatedPrice[]>()
    remembered.set(provider, models)
    const [oldest] = models.keys()
    if (models.size >= MAX_REMEMBERED_MODELS && oldest !== undefined) models.delete(oldest)
    models.set(model, dated)
  }

  return { priceOf }
}

/** One look-up without a list to keep: for a quote, never on the request path. */
export function priceOf(
  model: string,
  provider: Provider,
  overrides: readonly PriceOverride[],
  atMs: number,
): Price | null {
  return createPriceList(overrides).priceOf(model, provider, atMs)
}

function listPrices(model: string, provider: Provider): DatedPrice[] {
  const sandbox = sandboxPriceOf(model)
  return sandbox === null ? packagePrices(model, provider) : [{ validity: { kind: 'always' }, price: sandbox }]
}

function overridesFor(model: string, provider: Provider, sorted: readonly PriceOverride[]): DatedPrice[] {
  return sorted
    .filter((row) => (row.provider === null || row.provider === provider) && covers(row.model, model))
    .map((row) => ({ validity: { kind: 'from', fromMs: row.validFrom.getTime() }, price: overridePrice(row) }))
}

function covers(pattern: string, model: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern
}

function overridePrice(row: PriceOverride): Price {
  return {
    inputNano: row.inputNano,
    cachedInputNano: row.cachedInputNano ?? row.inputNano,
    cacheWriteNano: row.cacheWriteNano ?? row.inputNano,
    outputNano: row.outputNano,
    tiers: [],
    source: 'override',
  }
}

function compareOverrides(a: PriceOverride, b: PriceOverride): number {
  return (
    Number(a.model.endsWith('*')) - Number(b.model.endsWith('*')) ||
    b.model.length - a.model.length ||
    Number(a.provider === null) - Number(b.provider === null) ||
    b.validFrom.getTime() - a.validFrom.getTime()
  )
}
