import type { Call } from './call.ts'
import { GatewayError } from './errors.ts'
import type { RelayPorts } from './ports.ts'
import { printable } from './upstream-words.ts'

/** As upstreams give them: nothing that could change a path or a query. */
const RESPONSE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** Whether a text can be the id of a response at all; what cannot is looked up nowhere. */
export function isResponseId(text: string): boolean {
  return RESPONSE_ID.test(text)
}

/**
 * The account of the group that made the response a request goes on from; null where none of its accounts keeps responses:
 * then it is the translation that has no word for it. Unknown, another user's, made by an account that is not of the group
 * any more: it looks the same. Throws previous_response_not_found, ledger_unavailable.
 */
export async function findMaker(
  { caller, body }: Call,
  responseId: string,
  { accounts, responses }: Pick<RelayPorts, 'accounts' | 'responses'>,
): Promise<number | null> {
  const candidates = accounts.candidates(caller.group.id, body.model)
  if (candidates.every(({ protocol }) => protocol === 'chat')) return null
  const made = isResponseId(responseId) ? await responses.find(caller.userId, responseId) : null
  const maker = candidates.find(({ accountId }) => accountId === made?.accountId)
  if (maker === undefined) throw previousResponseNotFound(responseId)
  return maker.accountId
}

function previousResponseNotFound(responseId: string): GatewayError {
  return new GatewayError('previous_response_not_found', {
    param: 'previous_response_id',
    message: `Previous response with id '${printable(responseId)}' not found.`,
  })
}

/** In OpenAI's words, for whoever asks for a response itself. */
export function responseNotFound(responseId: string): GatewayError {
  return new GatewayError('response_not_found', { message: `Response with id '${printable(responseId)}' not found.` })
}
