import type { RatesLeft } from '@turnpike/core/gateway/ports'
import type { RedisCommands } from '../../../../shared/redis.ts'
import type { Membership } from './membership.ts'
import { CORRECT, COUNT, LOOK_AT_RATES } from './rate-scripts.ts'
import { runScript, type ScriptValue } from './script.ts'
import { CLAIM, LEAVE, LOOK, POKE, REGISTER, RELEASE, UNDO } from './slot-scripts.ts'

/** A user with his keys, or an account (whose one part is 0). */
export interface Owner {
  kind: 'user' | 'account'
  id: number
}

/** What is asked for: a slot of the owner and of one of its parts. Limits: 0 = none. */
export interface Ask {
  owner: Owner
  limit: number
  part: number
  partLimit: number
  requestId: string
}

export interface RateAsk {
  requestsLimit: number | null
  tokensLimit: number | null
  tokens: number
}

/** Where a request was counted, so that it can be corrected. */
export interface Counted {
  second: number
  left: RatesLeft | null
}

export interface Load {
  held: number
  waiting: number
}

export type Refusal = 'full' | 'part_full' | 'queue_full' | 'requests' | 'tokens'

export type Claimed =
  | { kind: 'held' | 'queued'; load: Load; counted: Counted }
  | { kind: 'refused'; reason: Refusal; waitMs: number; counted: Counted; load: Load | null }

/** What a claim would become, and what is there now. */
export interface Looked {
  became: 'held' | 'queued' | Refusal
  load: Load
  heldOfPart: number
  waitMs: number
  left: RatesLeft | null
}

interface CountedByGroup {
  refused: 'requests' | 'tokens' | null
  waitMs: number
  counted: Counted
}

const BECAME = new Set<unknown>(['held', 'queued', 'full', 'part_full', 'queue_full', 'requests', 'tokens'])
const NO_RATE = -1
const UNRATED: RateAsk = { requestsLimit: null, tokensLimit: null, tokens: 0 }

export type Sides = ReturnType<typeof createSides>

interface SidesOptions {
  commands: RedisCommands
  namespace: string
  membership: Membership
  /** Instances were met that nobody knows to live or to be dead. */
  onUnknown(ids: string): void
}

/** The scripts of slots and rates as functions: one round trip each. All reject when Redis does not answer in time. */
export function createSides({ commands, namespace, membership, onUnknown }: SidesOptions) {
  const channelPrefix = `${namespace}:woken:`
  const tag = ({ kind, id }: Owner) => `${namespace}:{${kind === 'user' ? 'u' : 'a'}:${id}}`
  const groupTag = (id: number) => `${namespace}:{g:${id}}`

  function keysOf(owner: Owner): string[] {
    return ['held', 'queue', 'granted'].map((name) => `${tag(owner)}:${name}`)
  }

  function rateKeys(at: string, part: number | 'all'): string[] {
    return [`${at}:rate:${part}:requests`, `${at}:rate:${part}:tokens`]
  }

  function argsOf({ limit, part, partLimit, requestId }: Ask): (string | number)[] {
    return [membership.me(), membership.living(), membership.dead(), limit, part, partLimit, requestId]
  }

  function loadOf(held: ScriptValue | undefined, waiting: ScriptValue | undefined, unknown: ScriptValue | undefined) {
    if (typeof unknown === 'string' && unknown !== '') onUnknown(unknown)
    return { held: Number(held), waiting: Number(waiting) }
  }

  async function claim(ask: Ask, places: number | null, rates: RateAsk = UNRATED): Promise<Claimed> {
    const keys = [...keysOf(ask.owner), ...rateKeys(tag(ask.owner), ask.part)]
    const args = [...argsOf(ask), ...claimArgs(places, rates)]
    const [told, held, waiting, unknown, waitMs, toldRates] = await runScript(commands, CLAIM, keys, args)
    const became = becameOf(told)
    const counted = countedOf(toldRates, rates)
    if (became === 'requests' || became === 'tokens') {
      return { kind: 'refused', reason: became, waitMs: Number(waitMs), counted, load: null }
    }
    const load = loadOf(held, waiting, unknown)
    if (became === 'held' || became === 'queued') return { kind: became, load, counted }
    return { kind: 'refused', reason: became, waitMs: 0, counted, load }
  }

  function claimArgs(places: number | null, { requestsLimit, tokensLimit, tokens }: RateAsk): (string | number)[] {
    const rates = [requestsLimit ?? NO_RATE, tokensLimit ?? NO_RATE, tokens]
    return [places === null ? 'try' : 'wait', places ?? 0, channelPrefix, ...rates]
  }

  async function askGroup(asked: typeof COUNT, groupId: number, rates: RateAsk): Promise<CountedByGroup> {
    const { requestsLimit, tokensLimit, tokens } = rates
    const args = [requestsLimit ?? NO_RATE, tokensLimit ?? NO_RATE, tokens]
    const [became, waitMs, told] = await runScript(commands, asked, rateKeys(groupTag(groupId), 'all'), args)
    const refused = became === 'requests' || became === 'tokens' ? became : null
    return { refused, waitMs: Number(waitMs), counted: countedOf(told, rates) }
  }

  return {
    claim,
    /** What `claim` would answer now; nothing is taken, counted or queued for. */
    async look(ask: Ask, places: number | null, rates: RateAsk = UNRATED): Promise<Looked> {
      const keys = [...keysOf(ask.owner), ...rateKeys(tag(ask.owner), ask.part)]
      const args = [...argsOf(ask), ...claimArgs(places, rates)]
      const [became, held, waiting, unknown, waitMs, told, ofPart] = await runScript(commands, LOOK, keys, args)
      return {
        became: becameOf(became),
        load: loadOf(held, waiting, unknown),
        heldOfPart: Number(ofPart),
        waitMs: Number(waitMs),
        left: countedOf(told, rates).left,
      }
    },
    /** How a wake-up names who is woken; one for who this instance was before means nobody any more. */
    nameOf: ({ owner, requestId }: Ask) => `${tag(owner)}:held ${requestId} ${membership.me()}`,
    /** Where wake-ups of the instance `boot` are told. */
    channelOf: (boot: string) => channelPrefix + boot,
    async release(ask: Ask): Promise<Load> {
      const [held, waiting, unknown] = await runScript(commands, RELEASE, keysOf(ask.owner), [
        ...argsOf(ask),
        channelPrefix,
      ])
      return loadOf(held, waiting, unknown)
    },
    async poke(ask: Ask): Promise<{ isHeld: boolean; load: Load }> {
      const args = [...argsOf(ask), channelPrefix]
      const [became, held, waiting, unknown] = await runScript(commands, POKE, keysOf(ask.owner), args)
      return { isHeld: became === 'held', load: loadOf(held, waiting, unknown) }
    },
    async leave(ask: Ask): Promise<{ wasHeld: boolean; reason: 'full' | 'part_full' }> {
      const [became, reason] = await runScript(commands, LEAVE, keysOf(ask.owner), argsOf(ask))
      return { wasHeld: became === 'held', reason: reason === 'part_full' ? reason : 'full' }
    },
    /** Afterwards the request neither holds nor waits, whatever became of a claim that was not answered. */
    async undo(ask: Ask): Promise<void> {
      await runScript(commands, UNDO, keysOf(ask.owner), [...argsOf(ask), channelPrefix])
    },
    /** Slots of one owner that are held already. */
    async register(owner: Owner, held: readonly Ask[]): Promise<void> {
      const pairs = held.flatMap(({ part, requestId }) => [part, requestId])
      await runScript(commands, REGISTER, keysOf(owner), [membership.me(), ...pairs])
    },
    countGroup: (groupId: number, rates: RateAsk) => askGroup(COUNT, groupId, rates),
    /** What `countGroup` would answer now. */
    lookAtGroup: (groupId: number, rates: RateAsk) => askGroup(LOOK_AT_RATES, groupId, rates),
    async correctKey(userId: number, keyId: number, { second }: Counted, requests: number, tokens: number) {
      const at = tag({ kind: 'user', id: userId })
      await runScript(commands, CORRECT, rateKeys(at, keyId), [second, requests, tokens])
    },
    async correctGroup(groupId: number, { second }: Counted, requests: number, tokens: number) {
      await runScript(commands, CORRECT, rateKeys(groupTag(groupId), 'all'), [second, requests, tokens])
    },
  }
}

function becameOf(told: ScriptValue | undefined): Looked['became'] {
  if (isBecame(told)) return told
  throw new TypeError(`a claim became ${String(told)}`)
}

function isBecame(told: unknown): told is Looked['became'] {
  return BECAME.has(told)
}

function countedOf(told: ScriptValue | undefined, { requestsLimit, tokensLimit }: RateAsk): Counted {
  const [second = 0, requests = 0, requestsReset = 0, tokens = 0, tokensReset = 0] = Array.isArray(told)
    ? told.map(Number)
    : []
  if (requestsLimit === null && tokensLimit === null) return { second, left: null }
  return {
    second,
    left: {
      requests: requestsLimit === null ? null : { limit: requestsLimit, remaining: requests, resetMs: requestsReset },
      tokens: tokensLimit === null ? null : { limit: tokensLimit, remaining: tokens, resetMs: tokensReset },
    },
  }
}
