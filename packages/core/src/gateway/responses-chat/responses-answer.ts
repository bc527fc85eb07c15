import { asObject, isObject, type JsonObject } from '../json.ts'
import type { ResponseContext } from './response-object.ts'
import { createResponsesStream } from './responses-stream.ts'
import { failureOf, objectsOf, type TranslatedAnswer } from './translated.ts'

/** A whole chat answer as a `response` object: the same as its stream would have ended with. */
export function toResponsesAnswer(
  chatAnswer: unknown,
  context: ResponseContext & { completedAtSeconds?: number },
): TranslatedAnswer {
  if (!isObject(chatAnswer)) return { kind: 'invalid' }
  const failure = failureOf(chatAnswer.error)
  if (failure !== null) return { kind: 'failed', failure }
  const choice = objectsOf(chatAnswer.choices)[0]
  if (choice === undefined || !isObject(choice.message)) return { kind: 'invalid' }
  const stream = createResponsesStream(context)
  stream.push({ choices: [{ ...choice, index: 0, delta: asDelta(choice.message) }], usage: chatAnswer.usage })
  const [last] = stream.finish(context.completedAtSeconds).slice(-1)
  return { kind: 'answer', body: asObject(last?.response) }
}

/** A message is one big delta, but for the index of its calls. */
function asDelta(message: JsonObject): JsonObject {
  return { ...message, tool_calls: objectsOf(message.tool_calls).map((call, index) => ({ ...call, index })) }
}
