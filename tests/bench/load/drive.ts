import { setTimeout as sleep } from 'node:timers/promises'
import { requestBody } from '../bodies.ts'
import { type KeySet, keyOf } from '../keys.ts'
import { percentile } from '../statistics.ts'
import { type Answer, type Connection, openConnection } from './connection.ts'
import type { LoadResult, Target, Work } from './work.ts'

/** Streams are begun one after another over this time, so that their events do not come all at once. */
const STAGGER_MS = 250
const BEGIN_TOGETHER = 50
/** In open loop: more than so many requests under way, and the target has collapsed. */
const MAX_OPEN = 1_000

type Kind<K extends Work['kind']> = Work & { kind: K }

const held: Connection[] = []

/** Does one piece of work. */
export function drive(work: Work): Promise<LoadResult> {
  switch (work.kind) {
    case 'closed':
      return closedLoop(work)
    case 'open':
      return openLoop(work)
    case 'hold':
      return hold(work)
    case 'let_go':
      return letGo()
  }
}

/** So many callers, each asking again as soon as it has its answer. */
async function closedLoop({ target, shape, connections, durationMs }: Kind<'closed'>): Promise<LoadResult> {
  const nextRequest = requestsFor(target, requestBody(shape))
  const answers: Answer[] = []
  const startedAt = performance.now()
  const stepMs = shape === 'stream' ? STAGGER_MS / connections : 0

  async function caller(index: number): Promise<void> {
    await sleep(index * stepMs)
    let connection = openConnection(target.port)
    do {
      const answer = await connection.ask(nextRequest())
      answers.push(answer)
      if (answer.isWhole) continue
      connection.close()
      await sleep(10)
      connection = openConnection(target.port)
    } while (performance.now() - startedAt < durationMs)
    connection.close()
  }

  await Promise.all(Array.from({ length: connections }, (_, index) => caller(index)))
  return resultOf(answers, performance.now() - startedAt)
}

/** So many requests a second, whatever becomes of those before. */
async function openLoop({ target, shape, perSecond, durationMs }: Kind<'open'>): Promise<LoadResult> {
  const request = requestBytes(target, requestBody(shape))
  const idle: Connection[] = []
  const answers: Answer[] = []
  const running = new Set<Promise<void>>()
  const startedAt = performance.now()
  let begun = 0
  for (let ms = 0; ms < durationMs; ms = performance.now() - startedAt) {
    for (; begun < (ms * perSecond) / 1000 && running.size < MAX_OPEN; begun++) {
      const asked: Promise<void> = ask().finally(() => running.delete(asked))
      running.add(asked)
    }
    await sleep(1)
  }
  await Promise.all(running)
  for (const connection of idle) connection.close()
  return resultOf(answers, performance.now() - startedAt)

  async function ask(): Promise<void> {
    const connection = idle.pop() ?? openConnection(target.port)
    const answer = await connection.ask(request)
    answers.push(answer)
    if (answer.isWhole) idle.push(connection)
    else connection.close()
  }
}

async function hold({ target, shape, connections }: Kind<'hold'>): Promise<LoadResult> {
  const request = requestBytes(target, requestBody(shape))
  const startedAt = performance.now()
  for (let begun = 0; begun < connections; begun += BEGIN_TOGETHER) {
    const batch = Array.from({ length: Math.min(BEGIN_TOGETHER, connections - begun) }, () =>
      openConnection(target.port),
    )
    held.push(...batch)
    await Promise.all(batch.map((connection) => connection.begin(request)))
  }
  return { ...resultOf([], performance.now() - startedAt), done: connections }
}

async function letGo(): Promise<LoadResult> {
  for (const connection of held.splice(0)) connection.close()
  return resultOf([], 0)
}

function resultOf(answers: Answer[], durationMs: number): LoadResult {
  const whole = answers.filter(({ isWhole }) => isWhole)
  const totals = whole.map(({ totalMs }) => totalMs)
  const firsts = whole.map(({ firstMs }) => firstMs)
  return {
    done: whole.length,
    failed: answers.length - whole.length,
    durationMs,
    total: { p50Ms: percentile(totals, 0.5), p99Ms: percentile(totals, 0.99) },
    first: { p50Ms: percentile(firsts, 0.5), p99Ms: percentile(firsts, 0.99) },
  }
}

/** The request to send next: always the same, or with one key after the other. */
function requestsFor(target: Target, body: string): () => Buffer {
  const { keys } = target
  if (keys === undefined) {
    const request = requestBytes(target, body)
    return () => request
  }
  const made = madeKeys(keys)
  let next = 0
  return () => requestBytes({ ...target, key: made[next++ % made.length] ?? '' }, body)
}

const keysMade = new Map<string, string[]>()

function madeKeys(keys: KeySet): string[] {
  const name = `${keys.seed}:${keys.count}`
  const made = keysMade.get(name) ?? Array.from({ length: keys.count }, (_, index) => keyOf(keys, index).key)
  keysMade.set(name, made)
  return made
}

/** What the official clients send, as far as it matters. */
function requestBytes({ port, key }: Target, body: string): Buffer {
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    `host: 127.0.0.1:${port}`,
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    'accept: application/json',
    'user-agent: OpenAI/JS 6.0.0',
    'x-stainless-lang: js',
    'x-stainless-runtime: node',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
