import type { RedisCommands } from '../../../../shared/redis.ts'
import { runScript } from './script.ts'
import { BEAT } from './slot-scripts.ts'

/**
 * An instance that is silent this long is dead. The others look every second and wake who waits at once, so that a killed
 * one has given everything back within 15 s.
 */
export const LIVE_MS = 12_000
export const BEAT_EVERY_MS = 1_000
/** A dead instance is remembered so long: what it left is removed where it is met. */
const MAX_DEAD = 1_000

export interface Membership {
  /** Who this instance is now. After a loss it comes back as somebody else, so that what it did before cannot count twice. */
  me(): string
  /** Comma-separated, as scripts take them. */
  living(): string
  dead(): string
  /** Instances that live, this one included. */
  count(): number
  /** Says that this instance lives and hears who else does. `isNew`: it was not known before. Rejects when Redis does not answer. */
  beat(): Promise<{ isNew: boolean; hasDied: boolean }>
  /** Met somewhere and not known: after the next beat they live or are dead. Comma-separated. */
  suspect(ids: string): void
  /** From now on it is somebody else, known from the next beat on. Who it was still counts until `retire`. */
  renew(): void
  /** Who this instance was before is dead. */
  retire(): Promise<void>
  leave(): Promise<void>
}

interface MembershipOptions {
  commands: RedisCommands
  namespace: string
  /** Short and without a full stop. */
  boot: string
  liveMs?: number
}

export function createMembership({ commands, namespace, boot, liveMs = LIVE_MS }: MembershipOptions): Membership {
  const key = `${namespace}:instances`
  let generation = 1
  const former = new Set<string>()
  let live = new Set<string>()
  const dead = new Set<string>()
  let suspects = new Set<string>()

  const me = () => `${boot}.${generation}`

  function note(now: Set<string>, asked: Set<string>): boolean {
    let hasDied = false
    for (const id of [...live, ...asked]) {
      if (now.has(id)) continue
      dead.add(id)
      hasDied = true
    }
    for (const id of now) dead.delete(id)
    for (const id of dead) if (dead.size > MAX_DEAD) dead.delete(id)
    live = now
    return hasDied
  }

  return {
    me,
    living: () => [...live].join(','),
    dead: () => [...dead].join(','),
    count: () => Math.max(1, new Set([...live].map((id) => id.split('.')[0])).size),
    async beat() {
      const id = me()
      // Who lives has said so before it did anything that could be met.
      const asked = suspects
      suspects = new Set()
      const [wasKnown, ids] = await runScript(commands, BEAT, [key], [id, liveMs])
      return { isNew: wasKnown !== 1, hasDied: note(new Set(Array.isArray(ids) ? ids.map(String) : []), asked) }
    },
    suspect(ids) {
      for (const id of ids.split(',')) suspects.add(id)
    },
    renew() {
      former.add(me())
      generation++
    },
    async retire() {
      const ids = [...former]
      if (ids.length === 0) return
      await commands.zrem(key, ...ids)
      for (const id of ids) former.delete(id)
    },
    async leave() {
      await commands.zrem(key, me())
    },
  }
}
