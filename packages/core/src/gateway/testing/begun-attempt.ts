import type { Attempt } from '../attempt.ts'
import { createChatEventReader } from '../chat-event-reader.ts'
import { startAttempt } from '../start-attempt.ts'
import { FIRST_BYTE_MS, IDLE_MS, TOTAL_MS } from './fake-call.ts'
import { fakeCandidate } from './fake-candidate.ts'
import { createFakeClock, settled } from './fake-clock.ts'
import { createFakeUpstream } from './fake-upstream.ts'

/** An attempt that has begun, and the other side of it. */
export function begin({ wantsStream = true } = {}) {
  const clock = createFakeClock()
  const upstream = createFakeUpstream()
  const attempt = startAttempt({
    request: { candidate: fakeCandidate(1), path: '/chat/completions', headers: {}, body: '{}', connectMs: 5_000 },
    timeouts: { connectMs: 5_000, firstByteMs: FIRST_BYTE_MS, idleMs: IDLE_MS, totalMs: TOTAL_MS },
    wantsStream,
    createReader: () => createChatEventReader({ wantsUsageChunk: true }),
    clock,
    upstream,
  })
  return { clock, attempt, call: upstream.last(), isOpen: () => isOpen(attempt) }
}

export async function isOpen({ opening }: Attempt): Promise<boolean> {
  let hasOpened = false
  void opening.then(() => {
    hasOpened = true
  })
  await settled()
  return hasOpened
}
