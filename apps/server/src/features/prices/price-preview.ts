import { overrideFor, type PriceOverride } from '@turnpike/core/billing/price'
import type { PricePreview } from '@turnpike/core/inputs/prices'
import { formatDollars } from '@turnpike/core/money'
import { PROVIDERS, type Provider } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { prices } from '@turnpike/db/schema'
import type { WallClock } from '../../shared/wall-clock.ts'
import { toRow } from './price-row.ts'

const DAY_MS = 86_400_000
/** The dearest are named; the totals are of all. */
const MAX_MODELS = 100

/** What was booked for a number of requests, and what would have been. Null = none of them had a price. */
export interface PreviewSums {
  requests: number
  /** Of them, those that had no price. */
  unpriced: number
  cost: string | null
  costNano: string | null
  billed: string
  billedNano: string
  costAfter: string
  costAfterNano: string
  billedAfter: string
  billedAfterNano: string
}

export interface PreviewedModel extends PreviewSums {
  /** As the upstream was asked for it: what prices are named after. */
  model: string
}

/** Requests of `from`–`to` that the price would have been for, had it held all the while. */
export interface PreviewedPrice extends PreviewSums {
  from: string
  to: string
  models: PreviewedModel[]
}

export interface PreviewOptions {
  db: Db['db']
  /** Its statements end in time. */
  sql: Db['sql']
  clock: WallClock
}

/** What a price would have made of the last days: exactly, request by request, as the gateway prices. */
export function createPricePreview({ db, sql, clock }: PreviewOptions) {
  async function preview({ days, ...change }: PricePreview): Promise<PreviewedPrice> {
    const to = new Date(clock.now())
    const from = new Date(to.getTime() - days * DAY_MS)
    const draft: PriceOverride = toRow({ ...change, validFrom: to }, to)
    const overrides = [draft, ...(await db.select().from(prices))]
    const kinds = (await kindsOf(from, to, draft.model)).filter(
      ({ model, provider, tier }) =>
        isProvider(provider) && overrideFor(model, provider, overrides, to.getTime(), tier) === draft,
    )
    const rows = kinds.length === 0 ? [] : await sumsOf(from, to, kinds, draft)
    const models = rows.map(({ model, ...row }) => ({ model, ...toSums(row) }))
    return {
      from: from.toISOString(),
      to: to.toISOString(),
      ...toSums(totalOf(rows)),
      models: models.slice(0, MAX_MODELS),
    }
  }

  /** Each combination that decides a price, once. */
  function kindsOf(from: Date, to: Date, pattern: string) {
    const isMeant = pattern.endsWith('*')
      ? sql`starts_with(l.upstream_model, ${pattern.slice(0, -1)})`
      : sql`l.upstream_model = ${pattern}`
    return sql<Kind[]>`
      select l.upstream_model as model, a.provider, l.service_tier as tier
      from usage_logs l join accounts a on a.id = l.account_id
      where l.created_at >= ${from} and l.created_at < ${to} and ${isMeant}
      group by 1, 2, 3`
  }

  // The arithmetic of core/billing/cost: each request is rounded half up by itself, and bounded as there.
  function sumsOf(from: Date, to: Date, kinds: Kind[], draft: PriceOverride) {
    return sql<SumsRow[]>`
      with weighed as (
        select l.upstream_model as model, l.cost_nano, l.billed_nano, l.rate_multiplier_e4, l.price_rule,
          greatest(0, l.input_tokens - l.cached_input_tokens - l.cache_write_tokens) * rates.input
            + l.cached_input_tokens * rates."cachedInput" + l.cache_write_tokens * rates."cacheWrite"
            + l.output_tokens * rates.output as weight
        from usage_logs l
        join accounts a on a.id = l.account_id
        join jsonb_to_recordset(${sql.json(kinds.map((kind) => ({ ...kind })))})
          as kinds(model text, provider text, tier text)
          on kinds.model = l.upstream_model and kinds.provider = a.provider
            and kinds.tier is not distinct from l.service_tier
        cross join lateral (
          select tiers.* from jsonb_to_recordset(${sql.json(tiersOf(draft))})
            as tiers(above bigint, input numeric, "cachedInput" numeric, "cacheWrite" numeric, output numeric)
          where tiers.above < l.input_tokens
          order by tiers.above desc
          limit 1
        ) rates
        where l.created_at >= ${from} and l.created_at < ${to}
      )
      select model, count(*)::text as requests, (count(*) filter (where cost_nano is null))::text as unpriced,
        sum(cost_nano)::text as "costNano", sum(billed_nano)::text as "billedNano",
        sum(${rounded(sql`weight * 10000`)})::text as "costAfterNano",
        sum(case when price_rule = 'nothing' then 0 else ${rounded(sql`weight * rate_multiplier_e4`)} end)::text
          as "billedAfterNano"
      from weighed
      group by model
      order by sum(weight) desc, model`
  }

  function rounded(scaled: ReturnType<typeof sql>) {
    return sql`least(div(${scaled} + 5000000000, 10000000000), 9007199254740991)`
  }

  return preview
}

interface Kind {
  model: string
  provider: string
  tier: string | null
}

/** 64-bit integers and sums are strings, as the raw client reads them. */
interface SumsRow {
  model: string
  requests: string
  unpriced: string
  costNano: string | null
  billedNano: string
  costAfterNano: string
  billedAfterNano: string
}

/** The rates by size of the input, those of the smallest first, as decimal strings. */
function tiersOf({ inputNano, cachedInputNano, cacheWriteNano, outputNano, tiers }: PriceOverride) {
  const base = {
    above: -1,
    input: String(inputNano),
    cachedInput: String(cachedInputNano ?? inputNano),
    cacheWrite: String(cacheWriteNano ?? inputNano),
    output: String(outputNano),
  }
  const bigger = tiers.map((tier) => ({
    above: tier.aboveInputTokens,
    input: tier.inputNano,
    cachedInput: tier.cachedInputNano,
    cacheWrite: tier.cacheWriteNano,
    output: tier.outputNano,
  }))
  return [base, ...bigger]
}

function totalOf(rows: SumsRow[]): Omit<SumsRow, 'model'> {
  const sum = (read: (row: SumsRow) => string | null) =>
    String(rows.reduce((total, row) => total + BigInt(read(row) ?? 0), 0n))
  const isPriced = rows.length === 0 || rows.some(({ costNano }) => costNano !== null)
  return {
    requests: sum((row) => row.requests),
    unpriced: sum((row) => row.unpriced),
    costNano: isPriced ? sum((row) => row.costNano) : null,
    billedNano: sum((row) => row.billedNano),
    costAfterNano: sum((row) => row.costAfterNano),
    billedAfterNano: sum((row) => row.billedAfterNano),
  }
}

function toSums({ requests, unpriced, costNano, billedNano, costAfterNano, billedAfterNano }: Omit<SumsRow, 'model'>) {
  return {
    requests: Number(requests),
    unpriced: Number(unpriced),
    cost: costNano === null ? null : formatDollars(BigInt(costNano)),
    costNano,
    billed: formatDollars(BigInt(billedNano)),
    billedNano,
    costAfter: formatDollars(BigInt(costAfterNano)),
    costAfterNano,
    billedAfter: formatDollars(BigInt(billedAfterNano)),
    billedAfterNano,
  } satisfies PreviewSums
}

function isProvider(text: string): text is Provider {
  return PROVIDERS.some((provider) => provider === text)
}
