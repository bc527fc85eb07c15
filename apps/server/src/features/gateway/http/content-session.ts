import { hash } from 'node:crypto'
import { asObject, type JsonObject } from '@turnpike/core/gateway/json'

/**
 * A session for callers who name none (group field `stickiness: content`): conversations that begin alike, with the same
 * model, instructions, tools and first words of the user, find what the account has cached of them.
 */
export function contentSession({ model, instructions, tools, messages, input }: JsonObject): string {
  const turns = Array.isArray(messages) ? messages : Array.isArray(input) ? input : [input]
  const told = turns.filter((turn) => ['system', 'developer'].includes(String(asObject(turn).role)))
  const firstOfUser = turns.find((turn) => typeof turn === 'string' || asObject(turn).role === 'user')
  return `content ${hash('sha256', JSON.stringify([model, instructions, tools, told, firstOfUser]))}`
}
