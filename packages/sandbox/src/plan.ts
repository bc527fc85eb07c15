import { composeAnswer } from './answer.ts'
import type { Ask } from './ask.ts'
import { createBoundedMap } from './bounded-map.ts'
import { chatBody, chatEvents, readChat, wantsUsage } from './chat.ts'
import { completionBody, completionEvents, readCompletion } from './completions.ts'
import { type Directive, modelDirective, promptDirective, readDirective } from './directive.ts'
import { embeddingsBody, readEmbeddingInputs } from './embeddings.ts'
import { isObject, type JsonObject } from './json.ts'
import { images, moderation, readFormFields, speech, transcription } from './media.ts'
import { BENCH_MODEL, bareName, type Models } from './models.ts'
import { Refusal } from './refusal.ts'
import { inputItems, readResponses, responseBody, responseEvents } from './responses.ts'
import { type Template, template } from './template.ts'
import { loadExactTokenizer, roughTokenizer, type Tokenizer } from './tokenizer.ts'

export type Endpoint = 'chat' | 'responses' | 'embeddings' | 'completions' | keyof typeof MEDIA

/** Endpoints that answer without a conversation. */
const MEDIA = { moderations: moderation, images, speech, transcriptions: transcription } as const

/** Everything about an answer but its id and time. */
export interface Plan {
  endpoint: Endpoint
  isStream: boolean
  contentType: string
  model: string
  directive: Directive
  frames: Template[]
  /** All frames in one, for answers without a pace. */
  whole: Template
  /** What GET /responses/{id} will serve; null = not kept. */
  kept: { body: Template; items: JsonObject[]; events: () => Template[] } | null
}

export interface Planner {
  /** A plan made before for the same bytes, at no cost. */
  remembered(endpoint: Endpoint, body: string): Plan | undefined
  /** @throws Refusal for a request that gets an error answer */
  plan(endpoint: Endpoint, body: string, header: string | null): Promise<Plan>
}

const REMEMBERED_PLANS = 256
/** Larger bodies or answers are planned every time: remembering them would hold too much memory. */
const MAX_REMEMBERED_CHARS = 128 * 1024

export function createPlanner(models: Models): Planner {
  // One map each, so that a look-up need not build a key out of a long body.
  const plans = {
    chat: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    responses: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    embeddings: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    completions: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    moderations: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    images: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    speech: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
    transcriptions: createBoundedMap<string, Plan>(REMEMBERED_PLANS),
  }
  let exact: Promise<Tokenizer> | null = null

  function tokenizerFor(model: string): Promise<Tokenizer> | Tokenizer {
    if (bareName(model) === BENCH_MODEL) return roughTokenizer
    exact ??= loadExactTokenizer()
    return exact
  }

  return {
    remembered: (endpoint, body) => plans[endpoint].get(body),
    async plan(endpoint, bodyText, header) {
      const body = endpoint === 'transcriptions' ? readFormFields(bodyText) : parseBody(bodyText)
      const model = readModel(body)
      models.check(model)
      const commanded = { ...modelDirective(model), ...(header === null ? {} : readDirective(header)) }
      const plan = makePlan(endpoint, body, model, commanded, await tokenizerFor(model))
      const size = bodyText.length + plan.whole('', '').length
      if (header === null && size <= MAX_REMEMBERED_CHARS) plans[endpoint].set(bodyText, plan)
      return plan
    },
  }
}

function makePlan(
  endpoint: Endpoint,
  body: JsonObject,
  model: string,
  commanded: Directive,
  tokenizer: Tokenizer,
): Plan {
  if (endpoint === 'embeddings') {
    const texts = readEmbeddingInputs(body)
    const { directive } = promptDirective(texts[0] ?? '')
    const frames = [embeddingsBody(body, model, texts, tokenizer)]
    return planOf({ endpoint, isStream: false, model, directive: { ...commanded, ...directive }, frames, kept: null })
  }
  if (isMedium(endpoint)) return mediumPlan(endpoint, body, model, commanded, tokenizer)
  const ask = readAsk(endpoint, body, model)
  const { prompt, directive: asked } = promptDirective(ask.prompt)
  const directive = { ...commanded, ...asked }
  const answer = composeAnswer(ask, prompt, directive, tokenizer)
  if (endpoint === 'chat') {
    const frames = ask.isStream ? chatEvents(ask, answer, wantsUsage(body)) : [chatBody(ask, answer)]
    return planOf({ endpoint, isStream: ask.isStream, model, directive, frames, kept: null })
  }
  if (endpoint === 'completions') {
    const frames = ask.isStream ? completionEvents(ask, answer, wantsUsage(body)) : [completionBody(ask, answer)]
    return planOf({ endpoint, isStream: ask.isStream, model, directive, frames, kept: null })
  }
  const whole = responseBody(body, ask, answer)
  const frames = ask.isStream ? responseEvents(body, ask, answer) : [whole]
  return planOf({
    endpoint,
    isStream: ask.isStream,
    model,
    directive,
    frames,
    kept: keptOf(body, whole, () => responseEvents(body, ask, answer)),
  })
}

function isMedium(endpoint: Endpoint): endpoint is keyof typeof MEDIA {
  return endpoint in MEDIA
}

function readAsk(endpoint: Endpoint, body: JsonObject, model: string): Ask {
  if (endpoint === 'completions') return readCompletion(body, model)
  return endpoint === 'chat' ? readChat(body, model) : readResponses(body, model)
}

function mediumPlan(
  endpoint: keyof typeof MEDIA,
  body: JsonObject,
  model: string,
  commanded: Directive,
  tokenizer: Tokenizer,
): Plan {
  const { prompt, ...medium } = MEDIA[endpoint](body, model, tokenizer)
  const { directive } = promptDirective(prompt)
  return planOf({ endpoint, ...medium, model, directive: { ...commanded, ...directive }, kept: null })
}

const JSON_TYPE = 'application/json'
const STREAM_TYPE = 'text/event-stream; charset=utf-8'

function planOf(
  parts: Omit<Plan, 'frames' | 'whole' | 'contentType'> & { frames: string[]; contentType?: string },
): Plan {
  const contentType = parts.contentType ?? (parts.isStream ? STREAM_TYPE : JSON_TYPE)
  return { ...parts, contentType, frames: parts.frames.map(template), whole: template(parts.frames.join('')) }
}

function keptOf(body: JsonObject, whole: string, events: () => string[]): Plan['kept'] {
  if (body.store === false) return null
  return { body: template(whole), items: inputItems(body), events: () => events().map(template) }
}

function parseBody(text: string): JsonObject {
  try {
    const body: unknown = JSON.parse(text)
    if (isObject(body)) return body
  } catch (cause) {
    throw new Refusal(400, null, `We could not parse the JSON body of your request: ${String(cause)}`)
  }
  throw new Refusal(400, null, 'The body of your request is not a JSON object.')
}

function readModel(body: JsonObject): string {
  if (typeof body.model === 'string' && body.model !== '') return body.model
  throw new Refusal(400, null, 'you must provide a model parameter', 'model')
}
