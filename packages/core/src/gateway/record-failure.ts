import { ClientLeft, ShuttingDown } from './client-left.ts'
import { conclude } from './conclude.ts'
import { asGatewayError, GATEWAY_ERRORS, GatewayError } from './errors.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { NO_USAGE } from './outcome.ts'
import type { RelayPorts } from './ports.ts'
import { CLIENT_CLOSED, NOTHING_DELIVERED, progressOf, type Story } from './story.ts'

/** Writes the outcome of a request that got no answer. Resolves with the error for the caller, ClientLeft where there is none. */
export async function recordFailure(story: Story, error: unknown, ports: RelayPorts): Promise<unknown> {
  const { client } = story.call
  if (error instanceof ClientLeft && client.reason instanceof ShuttingDown) {
    return recordFailure(story, new GatewayError('overloaded', { cause: error }), ports)
  }
  if (error instanceof ClientLeft) {
    await conclude(story, { ...(await nothingDelivered(story, ports)), ...CLIENT_CLOSED }, ports)
    return error
  }
  const told = asGatewayError(error)
  const progress = progressOf(story, ports.clock.monotonic())
  const { code } = told
  if (code === 'internal_error') story.diagnostics = { ...story.diagnostics, fault: told.cause ?? told }
  const kind = story.diagnostics.isInLedger ? story.failedAs : 'failed'
  const nothing = await nothingDelivered(story, ports)
  await conclude(story, { ...nothing, kind, status: GATEWAY_ERRORS[code].status, errorCode: code }, ports)
  // Only now is what it took of the rates known: often nothing.
  told.progress = { ...progress, rates: told.rates ?? story.admission?.rates ?? null }
  return told
}

/** Nothing is billed, but what an upstream took and did not refuse may have cost us its input. */
async function nothingDelivered(story: Story, { countTokens }: RelayPorts): Promise<typeof NOTHING_DELIVERED> {
  const { attempt } = story
  const isTaken = attempt !== null && attempt.sentAt !== null && (attempt.status ?? 0) < 400
  if (!isTaken) return NOTHING_DELIVERED
  const tokens = await inputTokens(keepInputText(story.call.body.readText()), countTokens)
  return { ...NOTHING_DELIVERED, usage: { ...NO_USAGE, inputTokens: tokens }, estimated: true }
}
