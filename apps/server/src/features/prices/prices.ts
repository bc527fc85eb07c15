import { costOf, type Rates } from '@turnpike/core/billing/cost'
import { type PriceOverride, priceOf } from '@turnpike/core/billing/price'
import { NO_USAGE } from '@turnpike/core/gateway/outcome'
import type { PriceList, PriceQuote, PriceSet } from '@turnpike/core/inputs/prices'
import { formatDollars } from '@turnpike/core/money'
import type { Provider } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { groups, prices } from '@turnpike/db/schema'
import { and, desc, eq, ilike, lt } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { createPricePreview } from './price-preview.ts'
import { toRow } from './price-row.ts'

const UNCHANGED_E4 = 10_000

/** Dollars per million tokens. */
export interface PriceRates {
  input: string
  cachedInput: string
  cacheWrite: string
  output: string
}

/** An override of the price list. Null = whatever the provider, or the service tier. */
export interface PriceItem extends PriceRates {
  id: number
  provider: Provider | null
  model: string
  serviceTier: string | null
  tiers: (PriceRates & { aboveInputTokens: number })[]
  validFrom: string
  createdAt: string
}

/** What tokens cost by the price that held at `at`; null members where the model has no price. */
export interface Quote {
  at: string
  source: 'override' | 'list' | 'sandbox' | null
  rates: PriceRates | null
  cost: string | null
  costNano: string | null
  billed: string | null
  billedNano: string | null
}

type PriceRow = typeof prices.$inferSelect
export type Prices = ReturnType<typeof createPrices>

/** Overrides of the price list, and what something would cost. */
export function createPrices({ db, reports, clock }: { db: Db['db']; reports: Db['sql']; clock: WallClock }) {
  /** Newest first. */
  async function list({ query, limit, cursor }: PriceList): Promise<Page<PriceItem>> {
    const before = afterId(cursor)
    const rows = await db
      .select()
      .from(prices)
      .where(
        and(
          query === undefined ? undefined : ilike(prices.model, containing(query)),
          before === null ? undefined : lt(prices.id, before),
        ),
      )
      .orderBy(desc(prices.id))
      .limit(limit + 1)
    return pageOf(rows.map(toItem), limit, (item) => String(item.id))
  }

  /** Adds a dated price. One of the same model, provider, tier and moment is a conflict: history is not rewritten. */
  async function set(input: PriceSet, actor: Actor): Promise<PriceItem> {
    return db.transaction(async (tx) => {
      const [row] = await tx
        .insert(prices)
        .values(toRow(input, new Date(clock.now())))
        .onConflictDoNothing()
        .returning()
      if (!row) throw new AppError('conflict', { field: 'validFrom', message: 'There is a price from this moment on' })
      const item = toItem(row)
      await recordAudit(tx, actor, { action: 'prices.set', target: { type: 'price', id: row.id }, change: { ...item } })
      return item
    })
  }

  async function remove(id: number, actor: Actor): Promise<PriceItem> {
    return db.transaction(async (tx) => {
      const [row] = await tx.delete(prices).where(eq(prices.id, id)).returning()
      if (!row) throw new AppError('not_found', { field: 'id' })
      const item = toItem(row)
      await recordAudit(tx, actor, { action: 'prices.remove', target: { type: 'price', id }, change: { ...item } })
      return item
    })
  }

  async function quote(input: PriceQuote): Promise<Quote> {
    const { model, provider, serviceTier, groupId, at = new Date(clock.now()), ...tokens } = input
    const overrides: PriceOverride[] = await db.select().from(prices)
    const price = priceOf(model, provider, overrides, at.getTime(), serviceTier)
    if (price === null) {
      const unpriced = { source: null, rates: null, cost: null, costNano: null, billed: null, billedNano: null }
      return { at: at.toISOString(), ...unpriced }
    }
    const multiplierE4 = groupId === undefined ? UNCHANGED_E4 : await multiplierOf(groupId)
    const { costNano, billedNano } = costOf({ ...NO_USAGE, ...tokens }, price, multiplierE4)
    return {
      at: at.toISOString(),
      source: price.source,
      rates: toRates(price),
      cost: formatDollars(BigInt(costNano)),
      costNano: String(costNano),
      billed: formatDollars(BigInt(billedNano)),
      billedNano: String(billedNano),
    }
  }

  async function multiplierOf(groupId: number): Promise<number> {
    const [group] = await db.select({ e4: groups.rateMultiplierE4 }).from(groups).where(eq(groups.id, groupId))
    if (!group) throw new AppError('not_found', { field: 'groupId' })
    return group.e4
  }

  return { list, set, remove, quote, preview: createPricePreview({ db, sql: reports, clock }) }
}

function toItem(row: PriceRow): PriceItem {
  return {
    id: row.id,
    provider: row.provider,
    model: row.model,
    serviceTier: row.serviceTier,
    ...toRates({
      inputNano: row.inputNano,
      cachedInputNano: row.cachedInputNano ?? row.inputNano,
      cacheWriteNano: row.cacheWriteNano ?? row.inputNano,
      outputNano: row.outputNano,
    }),
    tiers: row.tiers.map(({ aboveInputTokens, ...rates }) => ({
      aboveInputTokens,
      ...toRates({
        inputNano: BigInt(rates.inputNano),
        cachedInputNano: BigInt(rates.cachedInputNano),
        cacheWriteNano: BigInt(rates.cacheWriteNano),
        outputNano: BigInt(rates.outputNano),
      }),
    })),
    validFrom: row.validFrom.toISOString(),
    createdAt: row.createdAt.toISOString(),
  }
}

function toRates({ inputNano, cachedInputNano, cacheWriteNano, outputNano }: Rates): PriceRates {
  return {
    input: formatDollars(inputNano),
    cachedInput: formatDollars(cachedInputNano),
    cacheWrite: formatDollars(cacheWriteNano),
    output: formatDollars(outputNano),
  }
}
