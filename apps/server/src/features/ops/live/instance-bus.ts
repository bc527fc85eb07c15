import { z } from 'zod'
import type { RedisClient } from '../../../shared/redis.ts'
import type { InstanceSecond } from './live-tick.ts'

/** How instances tell each other of their seconds. */
export interface InstanceBus {
  publish(second: InstanceSecond): void
  /** Hears of the others, never of this instance. */
  listen(hear: (second: InstanceSecond) => void): Promise<void>
  close(): void
}

const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER)
const Message = z.object({
  from: z.string(),
  second: z.object({
    instanceId: z.string().max(100),
    second: count,
    requests: count,
    tokens: count,
    successes: count,
    errors: count,
    ttftsMs: z.array(count).max(2_000),
    gauges: z
      .object({
        inFlight: count,
        waiters: count,
        accountsAvailable: count,
        accountsTotal: count,
        openStreams: count,
      })
      .nullable(),
  }),
})

interface InstanceBusOptions {
  redis: RedisClient
  /** In front of the channel's name: installations may share a Redis. */
  namespace: string
  bootId: string
}

/** Over a channel of Redis. What is lost while Redis is away is missing in the others' ticks, and nowhere else. */
export function createInstanceBus({ redis, namespace, bootId }: InstanceBusOptions): InstanceBus {
  const channel = `${namespace}:live`
  let onMessage: ((heardOn: string, text: string) => void) | null = null

  return {
    publish(second) {
      if (!redis.isReady()) return
      redis.commands.publish(channel, JSON.stringify({ from: bootId, second })).catch(() => {})
    },
    async listen(hear) {
      onMessage = (heardOn, text) => {
        if (heardOn !== channel) return
        const message = parse(text)
        if (message !== null && message.from !== bootId) hear(message.second)
      }
      redis.subscriber.on('message', onMessage)
      await redis.subscriber.subscribe(channel)
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
