import { randomUUID } from 'node:crypto'
import type { DeliveryOutcome } from '@turnpike/core/ops/words'
import { AppError } from '../../shared/app-error.ts'
import type { Mailer } from '../../shared/mail/mailer.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

/** How a test mail fared: never a word of what the server said. */
export interface SmtpTest {
  ok: boolean
  statusClass: '2xx' | '4xx' | '5xx' | 'none'
  latencyMs: number
  /** Null where the server took it. */
  reason: Exclude<DeliveryOutcome, 'ok'> | null
}

/** Test mails within this time, more are refused. */
const TESTS = 3
const TESTS_MS = 60_000

export type TestSmtp = ReturnType<typeof createSmtpTest>

/** One mail to see whether mail leaves. */
export function createSmtpTest({ mailer, clock }: { mailer: Mailer; clock: WallClock }) {
  let recent: number[] = []

  return async function testSmtp(to: string): Promise<SmtpTest> {
    const startedMs = clock.now()
    recent = recent.filter((atMs) => startedMs - atMs < TESTS_MS)
    if (recent.length >= TESTS) throw new AppError('too_many_attempts')
    recent.push(startedMs)
    const result = await mailer.send({ id: randomUUID(), to: [to], ...TEXT })
    const latencyMs = clock.now() - startedMs
    if (result.kind === 'sent') return { ok: true, statusClass: '2xx', latencyMs, reason: null }
    return { ok: false, statusClass: classOf(result.status), latencyMs, reason: result.outcome }
  }
}

const TEXT = {
  subject: 'Turnpike: test mail',
  text: 'Mail leaves. Alerts, invitations and password links arrive like this one.',
  html: '<p>Mail leaves. Alerts, invitations and password links arrive like this one.</p>',
}

function classOf(status: number | null): SmtpTest['statusClass'] {
  if (status === null || status < 400) return 'none'
  return status < 500 ? '4xx' : '5xx'
}
