import type { RouterInputs, RouterOutputs } from '@turnpike/client'
import type { priceSet } from '@turnpike/core/inputs/prices'
import { PROVIDERS, type Provider } from '@turnpike/core/words'
import type { z } from 'zod'
import { fromLocalInput } from '#lib/format/time.ts'
import { orNull, parseWhole } from '#lib/forms/lines.ts'

export type Price = RouterOutputs['prices']['list']['items'][number]
export type Preview = RouterOutputs['prices']['preview']
type PreviewInput = RouterInputs['prices']['preview']

/** Rates as typed, dollars per million tokens; empty = as the input. */
export interface RateValues {
  input: string
  cachedInput: string
  cacheWrite: string
  output: string
}

export interface TierValues extends RateValues {
  aboveInputTokens: string
}

/** A price as the form holds it. */
export interface PriceValues extends RateValues {
  /** `any` = whatever the provider. */
  provider: Provider | 'any'
  model: string
  serviceTier: string
  tiers: TierValues[]
  /** As a `datetime-local` field has it. */
  validFrom: string
}

const NO_RATES: RateValues = { input: '', cachedInput: '', cacheWrite: '', output: '' }

export const PROVIDER_CHOICES = ['any', ...PROVIDERS] as const

/** A new price begins with what it replaces, where there is one: history is not rewritten. */
export function valuesOfPrice(price: Price | null): PriceValues {
  if (price === null) {
    return { provider: 'any', model: '', serviceTier: '', ...NO_RATES, tiers: [], validFrom: '' }
  }
  return {
    provider: price.provider ?? 'any',
    model: price.model,
    serviceTier: price.serviceTier ?? '',
    ...ratesOf(price),
    tiers: price.tiers.map((tier) => ({ aboveInputTokens: String(tier.aboveInputTokens), ...ratesOf(tier) })),
    validFrom: '',
  }
}

export function newTier(): TierValues {
  return { aboveInputTokens: '', ...NO_RATES }
}

export function priceInput({ validFrom, ...values }: PriceValues): z.input<typeof priceSet> {
  return { ...draftInput(values), validFrom: fromLocalInput(validFrom) ?? undefined }
}

/** The same for a preview, which does not ask from when. */
export function draftInput(values: Omit<PriceValues, 'validFrom'>): PreviewInput {
  return {
    provider: values.provider === 'any' ? null : values.provider,
    model: values.model.trim(),
    serviceTier: orNull(values.serviceTier),
    ...ratesInput(values),
    tiers: values.tiers.map((tier) => ({
      aboveInputTokens: parseWhole(tier.aboveInputTokens, Number.NaN),
      ...ratesInput(tier),
    })),
  }
}

function ratesOf({ input, cachedInput, cacheWrite, output }: RateValues): RateValues {
  return { input, cachedInput, cacheWrite, output }
}

function ratesInput({ input, cachedInput, cacheWrite, output }: RateValues) {
  return {
    input: input.trim(),
    cachedInput: orNull(cachedInput) ?? undefined,
    cacheWrite: orNull(cacheWrite) ?? undefined,
    output: output.trim(),
  }
}
