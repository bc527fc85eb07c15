import { z } from 'zod'

const ms = z.int().min(0).max(3_600_000)
const seconds = z
  .number()
  .min(0)
  .max(30 * 86_400)
const size = z
  .int()
  .min(0)
  .max(2 ** 30)
const events = z.int().min(0).max(1_000_000)
const short = z.string().max(500)
const status = z.int().min(400).max(599)

/** Whom a fault meets, and how often. Absent members match everything. */
const aim = {
  /** Ends by itself after so many requests. */
  times: z.int().min(1).max(1_000_000).optional(),
  /** Ends by itself after so long. */
  forSeconds: z.int().min(1).max(86_400).optional(),
  /** Only requests with exactly this upstream key: one account among several that share the sandbox. */
  key: short.optional(),
  model: short.optional(),
  /** Share of the matching requests, drawn from a seeded sequence: the same seed fails the same requests. */
  probability: z.number().min(0).max(1).optional(),
}

/** What an upstream can do wrong. Each kind is one thing; `describe` says it in one line. */
export const Fault = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('status'),
      status,
      code: short.optional(),
      type: short.optional(),
      message: short.optional(),
      retryAfter: seconds.optional(),
      /** `retry-after` as an HTTP date this many seconds from now. */
      retryAfterDate: seconds.optional(),
      retryAfterMs: ms.optional(),
      /** `x-ratelimit-reset-requests` / `-tokens`, such as `1.5s` or `6m0s`. */
      resetRequests: short.optional(),
      resetTokens: short.optional(),
      /** Body `resets_in_seconds`. */
      resetsInSeconds: seconds.optional(),
      /** Body `resets_at` (Unix seconds), this many seconds from now. */
      resetsAt: seconds.optional(),
      ...aim,
    })
    .describe('answers with an error status, with or without hints when to come back'),
  z
    .strictObject({ kind: z.literal('html'), status: status.default(403), ...aim })
    .describe('answers with an HTML error page, as a CDN does'),
  z
    .strictObject({ kind: z.literal('slow_first_byte'), ms: ms.default(60_000), ...aim })
    .describe('answers well, but lets the first byte wait'),
  z.strictObject({ kind: z.literal('no_answer'), ...aim }).describe('accepts the request and never answers'),
  z
    .strictObject({ kind: z.literal('headers_only'), pingEveryMs: ms.optional(), ...aim })
    .describe('sends status 200 and headers, then nothing more (or only `: ping` comments)'),
  z
    .strictObject({ kind: z.literal('stall'), afterEvents: events.default(2), pingEveryMs: ms.optional(), ...aim })
    .describe('falls silent after some events and keeps the connection open, with or without `: ping` comments'),
  z
    .strictObject({
      kind: z.literal('cut'),
      /** Neither: before the headers. */
      afterBytes: size.optional(),
      afterEvents: events.optional(),
      how: z.enum(['fin', 'rst']).default('fin'),
      ...aim,
    })
    .describe('cuts the connection before the headers, at a byte of the body, or after an event, by FIN or RST'),
  z
    .strictObject({ kind: z.literal('malformed_json'), afterEvents: events.default(1), ...aim })
    .describe('sends broken JSON: the whole body, or one event of a stream that then goes on'),
  z
    .strictObject({ kind: z.literal('truncated_json'), atBytes: size.optional(), ...aim })
    .describe('ends the body early (default: half way) but cleanly, with a matching content-length'),
  z.strictObject({ kind: z.literal('empty'), ...aim }).describe('answers 200 with no body at all'),
  z.strictObject({ kind: z.literal('missing_usage'), ...aim }).describe('leaves the usage out'),
  z
    .strictObject({
      kind: z.literal('wrong_usage'),
      value: z.enum(['negative', 'string', 'nan', 'huge', 'fraction', 'zero']).default('negative'),
      ...aim,
    })
    .describe('reports nonsense as usage'),
  z
    .strictObject({
      kind: z.literal('error_event'),
      afterEvents: events.default(0),
      /** Chat: `nested` {"error":{…}} or `flat`. Responses: `failed` (response.failed) or `error`. The default is the protocol's own. */
      style: z.enum(['nested', 'flat', 'failed', 'error']).optional(),
      code: short.default('server_error'),
      type: short.default('server_error'),
      message: short.default('The server had an error while processing your request. Sorry about that!'),
      ...aim,
    })
    .describe('status 200, but an error as first event, or after some events, and then the end'),
  z
    .strictObject({ kind: z.literal('no_terminal'), missingEvents: events.default(1), ...aim })
    .describe('ends a stream cleanly but without its last event: no [DONE], no response.completed'),
  z
    .strictObject({
      kind: z.literal('huge_line'),
      bytes: size.default(10 * 2 ** 20),
      afterEvents: events.default(1),
      ...aim,
    })
    .describe('sends valid JSON with one line of many megabytes'),
  z
    .strictObject({ kind: z.literal('header_bomb'), bytes: size.default(64 * 2 ** 10), ...aim })
    .describe('sends a header block of many kilobytes'),
  z
    .strictObject({ kind: z.literal('gzip_bomb'), megabytes: z.int().min(1).max(4096).default(256), ...aim })
    .describe('sends a small gzip body that unpacks to many megabytes'),
  z
    .strictObject({
      kind: z.literal('redirect'),
      status: z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]).default(302),
      location: short.default('/v1/models'),
      ...aim,
    })
    .describe('redirects somewhere else'),
  z
    .strictObject({ kind: z.literal('endless'), everyMs: ms.default(0), ...aim })
    .describe('never stops sending: the same event, or a JSON string that does not end'),
  z
    .strictObject({
      kind: z.literal('split'),
      bytes: z.int().min(1).max(65_536).default(1),
      everyMs: ms.default(0),
      ...aim,
    })
    .describe('answers well, in TCP writes of a few bytes that tear events and UTF-8 characters apart'),
  z
    .strictObject({ kind: z.literal('duplicate_keys'), ...aim })
    .describe('repeats members in the JSON of the answer, the first ones being wrong'),
  z
    .strictObject({
      kind: z.literal('informational'),
      status: z.union([z.literal(100), z.literal(102), z.literal(103)]).default(103),
      count: z.int().min(1).max(100).default(1),
      ...aim,
    })
    .describe('sends 1xx answers before the real one'),
  z
    .strictObject({ kind: z.literal('content_type'), value: short.default('text/html; charset=utf-8'), ...aim })
    .describe('answers well, under a content type that lies'),
])

export type Fault = z.output<typeof Fault>
export type FaultInput = z.input<typeof Fault>
export type FaultKind = Fault['kind']

/** Every kind with its line of explanation, for menus and help texts. */
export function faultKinds(): { kind: FaultKind; description: string }[] {
  return Fault.options.map((option) => ({ kind: option.shape.kind.value, description: option.description ?? '' }))
}
