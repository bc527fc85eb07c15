import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'

/** What a caller sends and gets; `multipart` = a form instead of JSON, `audio` = bytes back. */
interface Operation {
  summary: string
  request?: 'json' | 'multipart'
  answer: 'json' | 'json-or-events' | 'audio'
  /** Members of the request that the gateway itself reads. */
  members?: Record<string, unknown>
}

const COMPLETION_MEMBERS = {
  model: { type: 'string', minLength: 1 },
  stream: { type: 'boolean', default: false },
}

/** Routes of gateway.md, one form of each: aliases answer alike. */
const OPERATIONS: Record<string, Partial<Record<'get' | 'post' | 'delete', Operation>>> = {
  '/v1/chat/completions': {
    post: {
      summary: 'Chat Completions, as JSON or server-sent events',
      request: 'json',
      answer: 'json-or-events',
      members: { ...COMPLETION_MEMBERS, messages: { type: 'array', items: { type: 'object' } } },
    },
  },
  '/v1/responses': {
    post: {
      summary: 'Responses, as JSON or server-sent events',
      request: 'json',
      answer: 'json-or-events',
      members: {
        ...COMPLETION_MEMBERS,
        previous_response_id: { type: ['string', 'null'] },
        prompt_cache_key: { type: ['string', 'null'] },
      },
    },
  },
  '/v1/responses/{id}': {
    get: { summary: 'A response that was stored, for the user it was made for', answer: 'json' },
    delete: { summary: 'Forgets a stored response', answer: 'json' },
  },
  '/v1/responses/{id}/cancel': { post: { summary: 'Ends a response made in the background', answer: 'json' } },
  '/v1/responses/{id}/input_items': { get: { summary: 'What a stored response was made from', answer: 'json' } },
  '/v1/embeddings': { post: passed('Embeddings') },
  '/v1/completions': { post: { ...passed('Completions of text'), answer: 'json-or-events' } },
  '/v1/moderations': { post: passed('Moderation of text and images') },
  '/v1/images/generations': { post: passed('Images from text') },
  '/v1/audio/speech': { post: { ...passed('Speech from text'), answer: 'audio' } },
  '/v1/audio/transcriptions': { post: { ...passed('Text from speech'), request: 'multipart' } },
  '/v1/models': { get: { summary: 'Models this key may use', answer: 'json' } },
  '/v1/models/{id}': { get: { summary: 'One of them; its id may contain slashes', answer: 'json' } },
  '/v1/usage': { get: { summary: "The key's own balance, limits and spending", answer: 'json' } },
}

function passed(summary: string): Operation {
  return { summary, request: 'json', answer: 'json', members: { model: COMPLETION_MEMBERS.model } }
}

/** OpenAPI 3.1 of what callers may send to the gateway, with every way in which it refuses. `version` is the server's own. */
export function openApiDocument(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Turnpike gateway',
      version,
      description:
        'OpenAI-compatible: members that are not listed are passed on to the upstream untouched, and its answers come back as they are.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths: Object.fromEntries(Object.entries(OPERATIONS).map(([path, methods]) => [path, pathItem(path, methods)])),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: ERROR_SCHEMA },
    },
  }
}

const ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string', enum: distinct(Object.values(GATEWAY_ERRORS).map(({ type }) => type)) },
        param: { type: ['string', 'null'] },
        code: { type: ['string', 'null'] },
      },
    },
  },
}

function pathItem(path: string, methods: Partial<Record<string, Operation>>) {
  const parameters = path.includes('{id}')
    ? { parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }] }
    : {}
  const operations = Object.entries(methods).flatMap(([method, operation]) =>
    operation ? [[method, operationObject(path, method, operation)]] : [],
  )
  return { ...parameters, ...Object.fromEntries(operations) }
}

function operationObject(path: string, method: string, { summary, request, answer, members }: Operation) {
  return {
    operationId: `${method}${path.replaceAll(/[^a-z]+(.)?/g, (_, letter: string = '') => letter.toUpperCase())}`,
    summary,
    ...(request && { requestBody: { required: true, content: requestContent(request, members ?? {}) } }),
    responses: { 200: { description: 'The answer', content: answerContent(answer) }, ...ERROR_RESPONSES },
  }
}

function requestContent(kind: 'json' | 'multipart', properties: Record<string, unknown>) {
  const schema = { type: 'object', required: ['model'], properties, additionalProperties: true }
  return { [kind === 'json' ? 'application/json' : 'multipart/form-data']: { schema } }
}

function answerContent(answer: Operation['answer']) {
  if (answer === 'audio') return { 'audio/*': { schema: { type: 'string', format: 'binary' } } }
  const json = { 'application/json': { schema: { type: 'object' } } }
  return answer === 'json' ? json : { ...json, 'text/event-stream': { schema: { type: 'string' } } }
}

const ERROR_RESPONSES = Object.fromEntries(
  distinct(Object.values(GATEWAY_ERRORS).map(({ status }) => status)).map((status) => [
    status,
    {
      description: codesOf(status),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ]),
)

/** The codes with which the gateway itself answers this status. */
function codesOf(status: number): string {
  return Object.entries(GATEWAY_ERRORS)
    .flatMap(([code, error]) => (error.status === status ? [code] : []))
    .join(', ')
}

function distinct<T extends string | number>(values: readonly T[]): T[] {
  return [...new Set(values)].toSorted()
}
