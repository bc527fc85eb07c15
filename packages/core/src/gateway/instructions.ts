import type { InstructionMode } from '../words.ts'
import { parseJson } from './json.ts'
import { addMember, applyEdits, replaceMember } from './json-scan.ts'
import type { RequestBody } from './request-body.ts'

/** What a group wants said to the model in Responses requests (gateway.md step 3). */
export interface InstructionsPolicy {
  mode: InstructionMode
  /** Empty = nothing is to be said: then requests stay as they are, whatever the mode. */
  text: string
}

/**
 * The text of a Responses request with the group's instructions in it; null = it stays as it is. Everything else keeps its
 * characters. `fill` sets them only where the caller gave none: absent, null or empty.
 */
export function instructedText(
  { readText, members }: Pick<RequestBody, 'readText' | 'members'>,
  { mode, text }: InstructionsPolicy,
): string | null {
  if (mode === 'off' || text === '') return null
  const original = readText()
  const span = members.get('instructions')
  const isGiven = span !== undefined && !isNothing(original.slice(span.valueStart, span.valueEnd))
  if (mode === 'fill' && isGiven) return null
  const json = JSON.stringify(text)
  const edit =
    span === undefined ? addMember(original.indexOf('{'), false, 'instructions', json) : replaceMember(span, json)
  return applyEdits(original, [edit])
}

/** Whether a client is of the Codex family, by how its User-Agent starts: those bring instructions of their own. */
export function isCodexClient(userAgent: string | null, prefixes: readonly string[]): boolean {
  return userAgent !== null && prefixes.some((prefix) => userAgent.startsWith(prefix))
}

function isNothing(json: string): boolean {
  const value = parseJson(json)
  return value === null || value === ''
}
