import { type ConditionalPrice, calcPrice, type ModelPrice, type TieredPrices } from '@pydantic/genai-prices'
import type { Provider } from '../words.ts'
import type { Price, Rates } from './cost.ts'

/** When a price holds: always, from a moment on, or between two times of the day (UTC; the span may cross midnight). */
export type Validity =
  | { kind: 'always' }
  | { kind: 'from'; fromMs: number }
  | { kind: 'daily'; startMs: number; endMs: number }

export interface DatedPrice {
  validity: Validity
  price: Price
}

const DAY_MS = 86_400_000

/**
 * The list prices of a model, the one to try first in front; empty where the list does not know the model or prices it by
 * something other than tokens. Snapshots (`gpt-4o-2024-08-06`) are matched by the list itself. An OpenAI-compatible
 * upstream is priced by the maker of the model, told by its name.
 */
export function packagePrices(model: string, provider: Provider): DatedPrice[] {
  const rows = listRows(model, provider)
  const dated: DatedPrice[] = []
  for (const row of rows.toReversed()) {
    const price = toPrice(row.prices)
    if (price !== null) dated.push({ validity: validityOf(row), price })
  }
  const oldest = dated.at(-1)
  if (oldest) dated.push({ validity: { kind: 'always' }, price: oldest.price })
  return dated
}

export function isValid(validity: Validity, atMs: number): boolean {
  switch (validity.kind) {
    case 'always':
      return true
    case 'from':
      return atMs >= validity.fromMs
    case 'daily': {
      const timeMs = atMs % DAY_MS
      const { startMs, endMs } = validity
      return startMs <= endMs ? timeMs >= startMs && timeMs < endMs : timeMs >= startMs || timeMs < endMs
    }
  }
}

const PACKAGE_PROVIDERS = {
  openai: 'openai',
  'azure-openai': 'azure',
  'openai-compatible': undefined,
  sandbox: 'openai',
} as const satisfies Record<Provider, string | undefined>

/** The package finds the model; which of its rows holds when is decided here, so that one look-up serves every moment. */
function listRows(model: string, provider: Provider): ConditionalPrice[] {
  try {
    const found = calcPrice({}, model, { providerId: PACKAGE_PROVIDERS[provider], timestamp: new Date(0) })
    if (found === null) return []
    const { prices } = found.model
    return Array.isArray(prices) ? prices : [{ prices }]
  } catch {
    // The package throws on an entry it finds inconsistent: such a model has no price we could vouch for.
    return []
  }
}

function validityOf({ constraint }: ConditionalPrice): Validity {
  if (constraint === undefined) return { kind: 'always' }
  if (constraint.type === 'start_date')
    return { kind: 'from', fromMs: Date.parse(`${constraint.start_date}T00:00:00Z`) }
  return { kind: 'daily', startMs: timeOfDayMs(constraint.start_time), endMs: timeOfDayMs(constraint.end_time) }
}

function timeOfDayMs(time: string): number {
  return (Date.parse(`1970-01-02T${time}`) + DAY_MS) % DAY_MS
}

function toPrice(listed: ModelPrice): Price | null {
  const input = listed.input_mtok
  if (input === undefined) return null
  const parts = {
    inputNano: input,
    cachedInputNano: listed.cache_read_mtok ?? input,
    cacheWriteNano: listed.cache_write_mtok ?? input,
    outputNano: listed.output_mtok ?? 0,
  }
  const starts = new Set(Object.values(parts).flatMap((part) => tiersOf(part).map((tier) => tier.start)))
  const tiers = [...starts]
    .sort((a, b) => a - b)
    .map((start) => ({ aboveInputTokens: start, ...ratesAt(parts, start + 1) }))
  return { ...ratesAt(parts, 0), tiers, source: 'list' }
}

type ListedPart = number | TieredPrices

function ratesAt(parts: Record<keyof Rates, ListedPart>, inputTokens: number): Rates {
  return {
    inputNano: nanoAt(parts.inputNano, inputTokens),
    cachedInputNano: nanoAt(parts.cachedInputNano, inputTokens),
    cacheWriteNano: nanoAt(parts.cacheWriteNano, inputTokens),
    outputNano: nanoAt(parts.outputNano, inputTokens),
  }
}

function nanoAt(part: ListedPart, inputTokens: number): bigint {
  let dollars = typeof part === 'number' ? part : part.base
  for (const tier of tiersOf(part)) {
    if (inputTokens > tier.start) dollars = tier.price
  }
  return BigInt(Math.round(dollars * 1e9))
}

function tiersOf(part: ListedPart): TieredPrices['tiers'] {
  return typeof part === 'number' ? [] : part.tiers.toSorted((a, b) => a.start - b.start)
}
