import type { ServerResponse } from 'node:http'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'

export interface CountingUpstream extends AsyncDisposable {
  baseUrl: string
  /** The most requests it had at once of this label, or of all. */
  peak(label?: string): number
  inFlight(label?: string): number
  /** Labels in the order they came. */
  order: string[]
  /** Counts peaks anew, from what is in flight now. */
  forgetPeaks(): void
  /** Answers those that are held although no time was set for them. */
  release(label?: string): void
}

interface CountingUpstreamOptions {
  /** How long an answer takes; null = until `release`. */
  holdMs: number | null
  /** So many of a label are to be there at once, however slowly they come: until they have been, none of it is answered. */
  untilPeak?: number
}

const LABEL = /label=([\w-]+)/

/** An upstream that counts what it has at once, by the label of the prompt (`ask(…, { sandbox: 'label=a' })`). */
export async function startCountingUpstream({
  holdMs,
  untilPeak = 0,
}: CountingUpstreamOptions): Promise<CountingUpstream> {
  const held = new Map<ServerResponse, string>()
  const peaks = new Map<string, number>()
  const order: string[] = []
  let peakOfAll = 0

  function inFlight(label?: string): number {
    if (label === undefined) return held.size
    let count = 0
    for (const each of held.values()) if (each === label) count++
    return count
  }

  function note(label: string): void {
    peaks.set(label, Math.max(peaks.get(label) ?? 0, inFlight(label)))
    peakOfAll = Math.max(peakOfAll, held.size)
  }

  function answer(response: ServerResponse): void {
    held.delete(response)
    sendJson(response, chatAnswer())
  }

  const upstream = await startRawUpstream((response, { body }) => {
    const label = LABEL.exec(body)?.[1] ?? ''
    held.set(response, label)
    order.push(label)
    note(label)
    // Whoever leaves before his answer is not in flight any more.
    response.once('close', () => held.delete(response))
    if (holdMs !== null) {
      const holding = setInterval(() => {
        const isTime = label === '' || (peaks.get(label) ?? 0) >= untilPeak
        if (isTime && held.has(response)) answer(response)
      }, holdMs)
      // Who is answered, or was left by the caller, waits for nothing.
      response.once('close', () => clearInterval(holding))
    }
  })

  return {
    baseUrl: upstream.baseUrl,
    order,
    inFlight,
    peak: (label) => (label === undefined ? peakOfAll : (peaks.get(label) ?? 0)),
    forgetPeaks() {
      peaks.clear()
      peakOfAll = 0
      for (const label of new Set(held.values())) note(label)
    },
    release(label) {
      for (const [response, each] of [...held]) if (label === undefined || each === label) answer(response)
    },
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]()
    },
  }
}
