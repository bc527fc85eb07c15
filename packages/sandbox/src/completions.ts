import type { Answer } from './answer.ts'
import { type Ask, readToolChoice } from './ask.ts'
import { asArray, asCount, asText, type JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'
import { CHAT_DONE, dataEvent } from './sse.ts'
import { CREATED, ID } from './template.ts'

/** Reads a request of the old Completions API; of several prompts the first is answered. @throws Refusal 400 */
export function readCompletion(body: JsonObject, model: string): Ask {
  const prompts = typeof body.prompt === 'string' ? [body.prompt] : asArray(body.prompt).map(asText)
  const [prompt] = prompts
  if (prompt === undefined) {
    throw new Refusal(400, 'missing_required_parameter', "Missing required parameter: 'prompt'.", 'prompt')
  }
  return {
    model,
    isStream: body.stream === true,
    prompt,
    toolResult: null,
    inputTexts: prompts,
    inputItems: 0,
    tools: [],
    toolChoice: readToolChoice('none'),
    isParallel: false,
    maxOutputTokens: asCount(body.max_tokens),
    schema: null,
  }
}

/** The JSON body of an answer, id and time left open. */
export function completionBody(ask: Ask, answer: Answer): string {
  return JSON.stringify({ ...completionOf(ask, [choice(answer.text, finishReason(answer))]), usage: usageOf(answer) })
}

/** The events of a streamed answer; with `include_usage` the last chunk tells the usage. */
export function completionEvents(ask: Ask, answer: Answer, hasUsage: boolean): string[] {
  const chunk = (choices: unknown[], usage: unknown = null) =>
    dataEvent({ ...completionOf(ask, choices), ...(hasUsage && { usage }) })
  return [
    ...answer.pieces.map((text) => chunk([choice(text, null)])),
    chunk([choice('', finishReason(answer))]),
    ...(hasUsage ? [chunk([], usageOf(answer))] : []),
    CHAT_DONE,
  ]
}

function completionOf(ask: Ask, choices: unknown[]) {
  return { id: `cmpl-${ID}`, object: 'text_completion', created: CREATED, model: ask.model, choices }
}

function choice(text: string, finish: string | null) {
  return { text, index: 0, logprobs: null, finish_reason: finish }
}

function finishReason({ isCut }: Answer): string {
  return isCut ? 'length' : 'stop'
}

function usageOf({ usage: { input, output } }: Answer) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}
