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
  /** Null = whatever the service tier. */
  serviceTier: string | null
  inputNano: bigint
  cachedInputNano: bigint | null
  cacheWriteNano: bigint | null
  outputNano: bigint
  /** Rates of requests with more input than that, as decimal strings. */
  tiers: readonly OverrideTier[]
  validFrom: Date
}

export interface OverrideTier {
  aboveInputTokens: number
  inputNano: string
  cachedInputNano: string
  cacheWriteNano: string
  outputNano: string
}

export interface PriceList {
  /**
   * The price of an upstream model that held at `atMs` (when the request started), for the service tier the upstream said it
   * served; null = unpriced, never free.
   */
  priceOf(model: string, provider: Provider, atMs: number, serviceTier?: string | null): Price | null
}

/** Model names come from callers, so what was found about them is remembered for so many per provider, and short ones, only. */
const MAX_REMEMBERED_MODELS = 1_024
const MAX_REMEMBERED_NAME = 256

/**
 * The price list of one state of the prices table; make a new one when the table changes. Overrides go before list prices:
 * a name before a pattern, a longer pattern before a shorter, a row of the provider before one for all, one of the service
 * tier before one for all, then the newest.
 */
export function createPriceList(overrides: readonly PriceOverride[]): PriceList {
  const sorted = overrides.toSorted(compareOverrides)
  /** Others than these are priced like none. */
  const tiers = new Set(sorted.map(({ serviceTier }) => serviceTier))
  const remembered = new Map<Provider, Map<string, readonly DatedPrice[]>>()

  function priceOf(model: string, provider: Provider, atMs: number, serviceTier: string | null = null): Price | null {
    const tier = tiers.has(serviceTier) ? serviceTier : null
    const name = tier === null ? model : `${model}\n${tier}`
    const dated = remembered.get(provider)?.get(name) ?? lookUp(name, model, provider, tier)
    for (const { validity, price } of dated) {
      if (isValid(validity, atMs)) return price
    }
    return null
  }

  function lookUp(name: string, model: string, provider: Provider, tier: string | null): readonly DatedPrice[] {
    const dated = [...overridesFor(model, provider, tier, sorted), ...listPrices(model, provider)]
    if (name.length <= MAX_REMEMBERED_NAME) remember(name, provider, dated)
    return dated
  }

  function remember(name: string, provider: Provider, dated: readonly DatedPrice[]): void {
    const models = remembered.get(provider) ?? new Map<string, readonly DatedPrice[]>()
    remembered.set(provider, models)
    const [oldest] = models.keys()
    if (models.size >= MAX_REMEMBERED_MODELS && oldest !== undefined) models.delete(oldest)
    models.set(name, dated)
  }

  return { priceOf }
}

/** One look-up without a list to keep: for a quote, never on the request path. */
export function priceOf(
  model: string,
  provider: Provider,
  overrides: readonly PriceOverride[],
  atMs: number,
  serviceTier: string | null = null,
): Price | null {
  return createPriceList(overrides).priceOf(model, provider, atMs, serviceTier)
}

/** The override that decides a price, or null where none does: the first of those that apply, as the price list orders them. */
export function overrideFor<Row extends PriceOverride>(
  model: string,
  provider: Provider,
  overrides: readonly Row[],
  atMs: number,
  serviceTier: string | null,
): Row | null {
  const sorted = overrides.toSorted(compareOverrides)
  return sorted.find((row) => applies(row, model, provider, serviceTier) && row.validFrom.getTime() <= atMs) ?? null
}

function listPrices(model: string, provider: Provider): DatedPrice[] {
  const sandbox = sandboxPriceOf(model)
  return sandbox === null ? packagePrices(model, provider) : [{ validity: { kind: 'always' }, price: sandbox }]
}

function overridesFor(
  model: string,
  provider: Provider,
  tier: string | null,
  sorted: readonly PriceOverride[],
): DatedPrice[] {
  return sorted
    .filter((row) => applies(row, model, provider, tier))
    .map((row) => ({ validity: { kind: 'from', fromMs: row.validFrom.getTime() }, price: overridePrice(row) }))
}

function applies(row: PriceOverride, model: string, provider: Provider, tier: string | null): boolean {
  const isOfProvider = row.provider === null || row.provider === provider
  const isOfTier = row.serviceTier === null || row.serviceTier === tier
  return isOfProvider && isOfTier && covers(row.model, model)
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
    tiers: row.tiers.map(overrideTier).toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens),
    source: 'override',
  }
}

function overrideTier({ aboveInputTokens, inputNano, cachedInputNano, cacheWriteNano, outputNano }: OverrideTier) {
  return {
    aboveInputTokens,
    inputNano: BigInt(inputNano),
    cachedInputNano: BigInt(cachedInputNano),
    cacheWriteNano: BigInt(cacheWriteNano),
    outputNano: BigInt(outputNano),
  }
}

function compareOverrides(a: PriceOverride, b: PriceOverride): number {
  return (
    Number(a.model.endsWith('*')) - Number(b.model.endsWith('*')) ||
    b.model.length - a.model.length ||
    Number(a.provider === null) - Number(b.provider === null) ||
    Number(a.serviceTier === null) - Number(b.serviceTier === null) ||
    b.validFrom.getTime() - a.validFrom.getTime()
  )
}
