import type { Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { opsErrorLogs } from '@turnpike/db/schema'
import { redactExcerpt, redactText } from '../../../shared/redact.ts'
import { classOf, type Failure, wordsOf } from './failure.ts'

export type ErrorRow = typeof opsErrorLogs.$inferInsert

interface RowContext {
  instanceId: string
  /** Of how many it is the first. */
  count: number
  providerOf(accountId: number): string | null
}

const RETRYABLE_STATUSES = new Set([408, 429, 500, 502, 503, 504])
const MAX_SHORT_CHARS = 255
const MAX_STACK_CHARS = 4_000

/** What is written of a failure: bounded, and without anything that looks like a credential. */
export function errorRow(failure: Failure, context: RowContext): ErrorRow {
  const { type, message, status } = wordsOf(failure.code)
  const base = {
    ...classOf(failure),
    code: failure.code,
    type,
    message,
    count: context.count,
    instanceId: context.instanceId,
    retryable: RETRYABLE_STATUSES.has(status),
  }
  switch (failure.kind) {
    case 'request':
      return { ...base, ...ofRequest(failure.outcome, failure.diagnostics, context) }
    case 'attempt':
      return { ...base, ...ofAttempt(failure.outcome, failure.diagnostics, failure.attempt, context) }
    case 'refusal':
      return { ...base, ...ofRefusal(failure.refusal, status) }
    case 'fault':
      return {
        ...base,
        source: 'server',
        createdAt: new Date(failure.atMs),
        path: failure.where,
        message: messageOf(failure.error),
        stack: stackOf(failure.error),
      }
  }
}

function ofRequest(outcome: Outcome, diagnostics: Diagnostics, { providerOf }: RowContext) {
  const last = outcome.attempts.length - 1
  return {
    ...requestOf(outcome),
    source: diagnostics.isInLedger ? ('request' as const) : ('refusal' as const),
    status: outcome.status,
    upstreamStatus: outcome.attempts[last]?.status ?? null,
    accountId: outcome.accountId,
    provider: outcome.accountId === null ? null : providerOf(outcome.accountId),
    upstreamBody: excerptOf(diagnostics, last),
    upstreamRequestId: cutOrNull(outcome.attempts[last]?.upstreamRequestId ?? null),
    attempts: outcome.attempts,
    durationMs: outcome.times.totalMs,
    ...(diagnostics.fault === undefined
      ? {}
      : { message: messageOf(diagnostics.fault), stack: stackOf(diagnostics.fault) }),
  }
}

function ofAttempt(outcome: Outcome, diagnostics: Diagnostics, index: number, { providerOf }: RowContext) {
  const attempt = outcome.attempts[index]
  return {
    ...requestOf(outcome),
    source: 'attempt' as const,
    status: null,
    upstreamStatus: attempt?.status ?? null,
    accountId: attempt?.accountId ?? null,
    provider: attempt === undefined ? null : providerOf(attempt.accountId),
    upstreamBody: excerptOf(diagnostics, index),
    upstreamRequestId: cutOrNull(attempt?.upstreamRequestId ?? null),
    attempts: outcome.attempts,
    durationMs: attempt?.durationMs ?? null,
  }
}

function requestOf(outcome: Outcome) {
  return {
    createdAt: new Date(outcome.endedAtMs),
    requestId: outcome.requestId,
    clientRequestId: cutOrNull(outcome.clientRequestId),
    userId: outcome.userId,
    keyId: outcome.keyId,
    groupId: outcome.groupId,
    model: cut(outcome.model),
    path: outcome.endpoint,
    stream: outcome.stream,
    queueMs: outcome.times.queueMs,
    ttftMs: outcome.times.ttftMs,
    clientIp: cut(outcome.clientIp),
    userAgent: cutOrNull(outcome.userAgent),
  }
}

function ofRefusal(refusal: Refusal, status: number) {
  return {
    source: 'refusal' as const,
    createdAt: new Date(refusal.endedAtMs),
    status,
    requestId: refusal.requestId,
    clientRequestId: cutOrNull(refusal.clientRequestId),
    userId: refusal.userId,
    keyId: refusal.keyId,
    groupId: refusal.groupId,
    model: cutOrNull(refusal.model),
    path: redactText(storable(refusal.path)),
    stream: refusal.stream,
    durationMs: refusal.totalMs,
    clientIp: cut(refusal.clientIp),
    userAgent: cutOrNull(refusal.userAgent),
    ...(refusal.cause === undefined ? {} : { message: messageOf(refusal.cause), stack: stackOf(refusal.cause) }),
  }
}

/** Upstream bodies come as one character per byte. */
function excerptOf({ upstreamErrors }: Diagnostics, attempt: number): string | null {
  const found = upstreamErrors.find((each) => each.attempt === attempt)
  return found === undefined ? null : redactExcerpt(storable(Buffer.from(found.body, 'latin1').toString('utf8')))
}

function messageOf(error: unknown): string {
  return redactText(storable(error instanceof Error ? error.message : String(error)))
}

function stackOf(error: unknown): string | null {
  if (!(error instanceof Error) || error.stack === undefined) return null
  const frames = error.stack.split('\n').filter((line) => /^\s+at /.test(line))
  return storable([error.name, ...frames].map(redactText).join('\n')).slice(0, MAX_STACK_CHARS)
}

function cut(text: string): string {
  return redactText(storable(text)).slice(0, MAX_SHORT_CHARS)
}

function cutOrNull(text: string | null): string | null {
  return text === null ? null : cut(text)
}

/** PostgreSQL's text holds neither NUL nor halves of characters. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}
