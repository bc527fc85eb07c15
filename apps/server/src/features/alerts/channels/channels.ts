import { randomUUID } from 'node:crypto'
import { messageOf } from '@turnpike/core/alerts/message'
import type {
  ChannelCreate,
  ChannelList,
  ChannelUpdate,
  EmailConfig,
  WebhookConfig,
} from '@turnpike/core/inputs/alert-channels'
import type { DeliveryOutcome } from '@turnpike/core/ops/words'
import { AppError } from '../../../shared/app-error.ts'
import type { Actor } from '../../../shared/audit.ts'
import type { Page } from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { SendToChannel } from '../delivery/send-to-channel.ts'
import { OWN_SECRET, type WebhookEgress } from '../delivery/send-webhook.ts'
import type { Sent } from '../delivery/sent.ts'
import { type Channel, type ChannelRow, configOf, toChannel } from './channel.ts'
import type { ChannelStore } from './channel-store.ts'

/** How a test message fared: never a word of what the receiver said. */
export interface ChannelTest {
  ok: boolean
  statusClass: '2xx' | '3xx' | '4xx' | '5xx' | 'none'
  latencyMs: number
  /** Null where it arrived. */
  reason: Exclude<DeliveryOutcome, 'ok'> | null
}

interface ChannelsOptions {
  store: ChannelStore
  egress: Pick<WebhookEgress, 'checkUrl'>
  send: SendToChannel
  openSecret(row: ChannelRow): string | null
  clock: WallClock
  panelUrl(): string
}

/** Test messages of one channel within this time, more are refused. */
const TESTS = 3
const TESTS_MS = 60_000

export type Channels = ReturnType<typeof createChannels>

/** Where alerts are told: what is stored, and whether a message gets there. */
export function createChannels({ store, egress, send, openSecret, clock, panelUrl }: ChannelsOptions) {
  const tests = new Map<number, number[]>()

  async function list(input: ChannelList, mayWrite: boolean): Promise<Page<Channel>> {
    const { items, nextCursor } = await store.list(input)
    return { items: items.map((row) => toChannel(row, mayWrite)), nextCursor }
  }

  async function get(id: number, mayWrite: boolean): Promise<Channel> {
    return toChannel(await store.get(id), mayWrite)
  }

  async function create(input: ChannelCreate, actor: Actor): Promise<{ channel: Channel; secret: string | null }> {
    await checkConfig(input.config)
    const { channel, secret } = await store.create(input, actor)
    return { channel: toChannel(channel, true), secret }
  }

  async function update(input: ChannelUpdate, actor: Actor): Promise<Channel> {
    const before = await store.get(input.id)
    refuseMisfits(input, before)
    if (input.config) await checkConfig(input.config)
    return toChannel(await store.update(input, actor), true)
  }

  async function rotateSecret(id: number, actor: Actor): Promise<{ channel: Channel; secret: string }> {
    const row = await store.get(id)
    const config = configOf(row)
    const isOurs = 'url' in config && openSecret(row)?.startsWith(OWN_SECRET)
    if (!isOurs) throw new AppError('conflict', { field: 'id', message: 'Only secrets made here can be made anew' })
    const { channel, secret } = await store.rotateSecret(id, actor)
    return { channel: toChannel(channel, true), secret }
  }

  async function remove(id: number, actor: Actor): Promise<Channel> {
    return toChannel(await store.remove(id, actor), true)
  }

  /** Sends one message now, whatever mutes others; a channel that is switched off is tested too. */
  async function test(id: number, actor: Actor): Promise<ChannelTest> {
    const row = await store.get(id)
    takeTest(id)
    const messageId = randomUUID()
    const at = new Date(clock.now()).toISOString()
    const message = messageOf(
      { kind: 'test', test: { at, by: actor.name } },
      { id: messageId, severity: 'info', channelName: row.name, panelUrl: panelUrl() },
    )
    return toTest(await send(row, message, null))
  }

  function takeTest(id: number): void {
    const nowMs = clock.now()
    const recent = (tests.get(id) ?? []).filter((atMs) => nowMs - atMs < TESTS_MS)
    if (recent.length >= TESTS) throw new AppError('too_many_attempts')
    tests.set(id, [...recent, nowMs])
  }

  async function checkConfig(config: EmailConfig | WebhookConfig): Promise<void> {
    if ('recipients' in config) return
    try {
      await egress.checkUrl(config.url)
    } catch (cause) {
      throw new AppError('unsafe_destination', { field: 'config.url', cause })
    }
  }

  /** Another kind of channel is another channel; a dead man is called by a webhook, not by 1,440 mails a day. */
  function refuseMisfits({ config, secret, isDeadMan }: ChannelUpdate, row: ChannelRow): void {
    if (config && 'url' in config !== (row.type === 'webhook')) throw new AppError('invalid_input', { field: 'config' })
    if (row.type === 'email' && secret !== undefined) throw new AppError('invalid_input', { field: 'secret' })
    if (row.type === 'email' && isDeadMan) throw new AppError('invalid_input', { field: 'isDeadMan' })
    const template = config && 'template' in config ? config.template : null
    if (template === 'pagerduty' && (secret ?? openSecret(row) ?? OWN_SECRET).startsWith(OWN_SECRET)) {
      throw new AppError('invalid_input', { field: 'secret', message: 'PagerDuty needs its integration key' })
    }
  }

  return { list, get, create, update, rotateSecret, remove, test }
}

function toTest({ verdict, status, latencyMs }: Sent): ChannelTest {
  return {
    ok: verdict.outcome === 'ok',
    statusClass: statusClassOf(status),
    latencyMs,
    reason: verdict.outcome === 'ok' ? null : verdict.outcome,
  }
}

const CLASSES = { 2: '2xx', 3: '3xx', 4: '4xx', 5: '5xx' } as const

function statusClassOf(status: number | null): ChannelTest['statusClass'] {
  const digit = Math.floor((status ?? 0) / 100)
  return digit === 2 || digit === 3 || digit === 4 || digit === 5 ? CLASSES[digit] : 'none'
}
