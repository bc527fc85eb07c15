import { z } from 'zod'
import { within } from '../../../shared/deadline.ts'
import { type RedisClient, untilAnswered } from '../../../shared/redis.ts'
import type { InstanceSecond } from './live-tick.ts'

/** What is asked of other instances: which requests they serve, or to end one. */
export type Question = { kind: 'requests' } | { kind: 'release'; requestId: string }

export interface Answers {
  /** One of each instance that answered, as it came. */
  answers: unknown[]
  /** Instances that were heard of a moment ago and did not answer in time. */
  missing: string[]
}

/** How instances talk to each other. */
export interface InstanceBus {
  publish(second: InstanceSecond): void
  /** Asks all others; resolves when those that live have answered, or after a second. */
  ask(question: Question): Promise<Answers>
  /** Hears of the others, never of this instance. */
  listen(listener: { onSecond(second: InstanceSecond): void; answer(question: Question): unknown }): Promise<void>
  close(): void
}

const ANSWER_MS = 1_000
/** Who told of no second for so long is not expected to answer. */
const SILENT_AFTER_MS = 5_000

const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER)
const name = z.string().max(100)
const Second = z.object({
  instanceId: name,
  second: count,
  requests: count,
  tokens: count,
  successes: count,
  errors: count,
  ttftsMs: z.array(count).max(2_000),
  gauges: z
    .object({ inFlight: count, waiters: count, accountsAvailable: count, accountsTotal: count, openStreams: count })
    .nullable(),
})
const Question = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('requests') }),
  z.object({ kind: z.literal('release'), requestId: name }),
])
const Message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('second'), from: name, second: Second }),
  z.object({ kind: z.literal('ask'), from: name, askId: name, question: Question }),
  z.object({ kind: z.literal('answer'), from: name, askId: name, instanceId: name, answer: z.unknown() }),
])

interface InstanceBusOptions {
  redis: RedisClient
  /** In front of the channel's name: installations may share a Redis. */
  namespace: string
  bootId: string
  instanceId: string
  newId(): string
  /** Ms, monotonic. */
  monotonic(): number
}

interface Ask {
  answers: Map<string, unknown>
  onAnswer(): void
}

/** Over a channel of Redis. What is lost while Redis is away is missing in the others' ticks, and nowhere else. */
export function createInstanceBus({
  redis,
  namespace,
  bootId,
  instanceId,
  newId,
  monotonic,
}: InstanceBusOptions): InstanceBus {
  const channel = `${namespace}:live`
  const peers = new Map<string, number>()
  const asks = new Map<string, Ask>()
  let onMessage: ((heardOn: string, text: string) => void) | null = null

  function tell(message: z.input<typeof Message>): void {
    if (redis.isReady()) redis.commands.publish(channel, JSON.stringify(message)).catch(() => {})
  }

  function livingPeers(): string[] {
    for (const [peer, heardAt] of peers) if (monotonic() - heardAt > SILENT_AFTER_MS) peers.delete(peer)
    return [...peers.keys()]
  }

  return {
    publish: (second) => tell({ kind: 'second', from: bootId, second }),
    async ask(question) {
      const expected = livingPeers()
      if (expected.length === 0) return { answers: [], missing: [] }
      const askId = newId()
      const answers = new Map<string, unknown>()
      const isAnswered = () => expected.every((peer) => answers.has(peer))
      const { promise, resolve } = Promise.withResolvers<void>()
      asks.set(askId, { answers, onAnswer: () => isAnswered() && resolve() })
      tell({ kind: 'ask', from: bootId, askId, question })
      await within(ANSWER_MS, promise).catch(() => {})
      asks.delete(askId)
      return { answers: [...answers.values()], missing: expected.filter((peer) => !answers.has(peer)) }
    },
    async listen({ onSecond, answer }) {
      onMessage = (heardOn, text) => {
        const message = heardOn === channel ? parse(text) : null
        if (message === null || message.from === bootId) return
        switch (message.kind) {
          case 'second':
            peers.set(message.second.instanceId, monotonic())
            return onSecond(message.second)
          case 'ask':
            return tell({
              kind: 'answer',
              from: bootId,
              askId: message.askId,
              instanceId,
              answer: answer(message.question),
            })
          case 'answer': {
            const ask = asks.get(message.askId)
            ask?.answers.set(message.instanceId, message.answer)
            return ask?.onAnswer()
          }
        }
      }
      redis.subscriber.on('message', onMessage)
      await untilAnswered(() => redis.subscriber.subscribe(channel))
    },
    close() {
      if (onMessage !== null) redis.subscriber.off('message', onMessage)
    },
  }
}

/** Null = not one of our messages, or of another version. */
function parse(text: string): z.output<typeof Message> | null {
  try {
    return Message.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
