import { ClientLeft, ShuttingDown } from './client-left.ts'
import { conclude } from './conclude.ts'
import { asGatewayError, GATEWAY_ERRORS, GatewayError } from './errors.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { NO_USAGE } from './outcome.ts'
import type { RelayPorts } from './ports.ts'
import { CLIENT_CLOSED, type Ending, NOTHING_DELIVERED, progressOf, type Story } from './story.ts'

/** Writes the outcome of a request that got no answer. Resolves with the error for the caller, ClientLeft where there is none. */
export async function recordFailure(story: Story, error: unknown, ports: RelayPorts): Promise<unknown> {
  const { client } = story.call
  if (error instanceof ClientLeft && client.reason instanceof ShuttingDown) {
    return recordFailure(story, new GatewayError('overloaded', { cause: error }), ports)
  }
  if (error instanceof ClientLeft) {
    await conclude(story, await clientClosed(story, ports), ports)
    return error
  }
  const told = asGatewayError(error)
  const progress = progressOf(story, ports.clock.monotonic())
  const { code } = told
  const kind = story.isJournaled ? story.failedAs : 'failed'
  await conclude(story, { ...NOTHING_DELIVERED, kind, status: GATEWAY_ERRORS[code].status, errorCode: code }, ports)
  // Only now is what it took of the rates known: often nothing.
  told.progress = { ...progress, rates: told.rates ?? story.admission?.rates ?? null }
  return told
}

/** Nothing was delivered and nothing is billed, but what reached the upstream may have cost us its input. */
async function clientClosed(story: Story, { countTokens }: RelayPorts): Promise<Ending> {
  const ending: Ending = { ...NOTHING_DELIVERED, ...CLIENT_CLOSED }
  if (story.attempt === null || story.attempt.sentAt === null) return ending
  const tokens = await inputTokens(keepInputText(story.call.body.readText()), countTokens)
  return { ...ending, usage: { ...NO_USAGE, inputTokens: tokens }, estimated: true }
}
