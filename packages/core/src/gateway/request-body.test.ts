import { describe, expect, test } from 'vitest'
import type { WireProtocol } from '../words.ts'
import { GatewayError } from './errors.ts'
import { upstreamText as changedText, MAX_JSON_DEPTH, parseRequestBody, type RequestBody } from './request-body.ts'

/** What goes upstream, changed or not. */
function upstreamText(body: RequestBody, protocol: WireProtocol, model: string): string {
  return changedText(body, protocol, model) ?? body.readText()
}

function refusalOf(text: string): { code: string; param: string | null } | null {
  try {
    parseRequestBody(text)
    return null
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return { code: error.code, param: error.param }
  }
}

/** A body whose nesting, itself included, is `depth`. */
function nested(depth: number): string {
  return `{"model":"m","x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
}

describe('parseRequestBody refuses', () => {
  test.each([
    ['nothing', '', 'body_empty', null],
    ['white space', ' \r\n\t ', 'body_empty', null],
    ['an array', '[{"model":"m"}]', 'body_invalid', null],
    ['a string', '"model"', 'body_invalid', null],
    ['null', 'null', 'body_invalid', null],
    ['half an object', '{"model":"m"', 'body_invalid', null],
    ['two objects', '{"model":"m"}{}', 'body_invalid', null],
    ['a trailing comma', '{"model":"m",}', 'body_invalid', null],
    ['a comment', '{"model":"m"/* */}', 'body_invalid', null],
    ['NaN', '{"model":"m","temperature":NaN}', 'body_invalid', null],
    ['a control character inside a string', '{"model":"m\u0001"}', 'body_invalid', null],
    ['a byte order mark', '\ufeff{"model":"m"}', 'body_invalid', null],
    ['a duplicate key', '{"model":"m","n":1,"n":2}', 'duplicate_key', 'n'],
    ['a duplicate key behind escapes', '{"model":"m","mod\\u0065l":"n"}', 'duplicate_key', 'model'],
    ['nesting one past the limit', nested(MAX_JSON_DEPTH + 1), 'json_too_deep', null],
    ['nesting of 100,000', nested(100_000), 'json_too_deep', null],
    ['no model', '{}', 'model_required', 'model'],
    ['an empty model', '{"model":""}', 'model_required', 'model'],
    ['a blank model', '{"model":"  "}', 'model_required', 'model'],
    ['a model that is null', '{"model":null}', 'model_required', 'model'],
    ['a model that is a number', '{"model":5}', 'model_required', 'model'],
    ['a model that is an array', '{"model":["m"]}', 'model_required', 'model'],
  ])('%s', (_, text, code, param) => {
    expect(refusalOf(text)).toEqual({ code, param })
  })

  test.each([
    ['what is no JSON before its duplicate keys', '{"a":1,"a":2', 'body_invalid'],
    ['a duplicate key before the depth', `{"a":1,"a":2,"x":${'['.repeat(200)}${']'.repeat(200)}}`, 'duplicate_key'],
    ['the depth before the missing model', `{"x":${'['.repeat(200)}${']'.repeat(200)}}`, 'json_too_deep'],
  ])('%s', (_, text, code) => {
    expect(refusalOf(text)?.code).toBe(code)
  })

  test('echoes of a duplicate key what can be printed, and no more than 64 characters', () => {
    expect(refusalOf('{"a\\u0000\\nb":1,"a\\u0000\\nb":2}')?.param).toBe('a??b')
    const long = 'k'.repeat(65)
    expect(refusalOf(`{"${long}":1,"${long}":2}`)?.param).toBe('k'.repeat(64))
  })
})

describe('parseRequestBody accepts', () => {
  test.each([
    ['nesting at the limit', nested(MAX_JSON_DEPTH)],
    ['white space around it', ' \n {"model":"m"} \r\n'],
    ['duplicate keys further inside', '{"model":"m","x":{"a":1,"a":2}}'],
    ['numbers beyond 2^53', '{"model":"m","seed":9007199254740993}'],
    ['lone surrogates behind escapes', '{"model":"m","x":"\\ud800"}'],
    ['names every object has', '{"model":"m","__proto__":{"stream":true},"constructor":1}'],
  ])('%s, and keeps its text', (_, text) => {
    expect(parseRequestBody(text).readText()).toBe(text)
    expect(parseRequestBody(text)).toMatchObject({ model: 'm', stream: false })
  })

  test.each([
    ['{"model":"m","stream":true}', true],
    ['{"model":"m","stream":false}', false],
    ['{"model":"m","stream":null}', false],
    ['{"model":"m","stream":"true"}', false],
    ['{"model":"m","stream":1}', false],
  ])('%s asks for a stream: %s', (text, stream) => {
    expect(parseRequestBody(text).stream).toBe(stream)
  })
})

describe('upstreamText', () => {
  test('is the very text where nothing has to change', () => {
    const text = ' {"model" : "m", "n":1.0e2,"seed":9007199254740993 } '
    expect(upstreamText(parseRequestBody(text), 'chat', 'm')).toBe(text)
  })

  test('maps the model in its place and nothing else', () => {
    const text = '{ "input":"model \\"m\\"", "model" :\t"m" ,"metadata":{"model":"m"},"seed":9007199254740993}'
    expect(upstreamText(parseRequestBody(text), 'responses', 'up "x" é')).toBe(
      '{ "input":"model \\"m\\"", "model" :\t"up \\"x\\" é" ,"metadata":{"model":"m"},"seed":9007199254740993}',
    )
  })

  test('maps a model whose name is escaped in the body', () => {
    expect(upstreamText(parseRequestBody('{"mod\\u0065l":"\\u006d"}'), 'chat', 'up')).toBe('{"mod\\u0065l":"up"}')
  })

  test.each([
    [
      'none given',
      '{"model":"m","stream":true}',
      '{"stream_options":{"include_usage":true},"model":"m","stream":true}',
    ],
    [
      'empty',
      '{"model":"m","stream":true,"stream_options": { }}',
      '{"model":"m","stream":true,"stream_options": {"include_usage":true }}',
    ],
    [
      'null',
      '{"model":"m","stream":true,"stream_options":null}',
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      'with another option',
      '{"model":"m","stream":true,"stream_options":{"include_obfuscation":false}}',
      '{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}',
    ],
    [
      'saying no',
      '{"model":"m","stream":true,"stream_options":{"x":1, "include_usage" : false }}',
      '{"model":"m","stream":true,"stream_options":{"x":1, "include_usage" : true }}',
    ],
    [
      'saying null',
      '{"stream_options":{"include_usage":null},"model":"m","stream":true}',
      '{"stream_options":{"include_usage":true},"model":"m","stream":true}',
    ],
    [
      'saying no twice',
      '{"stream_options":{"include_usage":true,"include_usage":false},"model":"m","stream":true}',
      '{"stream_options":{"include_usage":true,"include_usage":true},"model":"m","stream":true}',
    ],
  ])('asks a chat stream for its usage, stream_options: %s', (_, text, asked) => {
    const body = parseRequestBody(text)
    expect(body.wantsUsageChunk).toBe(false)
    expect(upstreamText(body, 'chat', 'm')).toBe(asked)
    expect(parseRequestBody(asked).wantsUsageChunk).toBe(true)
  })

  test.each([
    ['the caller asks himself', 'chat', '{"model":"m","stream":true,"stream_options":{"include_usage":true}}'],
    ['it is no stream', 'chat', '{"model":"m","stream":false}'],
    ['the protocol always tells', 'responses', '{"model":"m","stream":true}'],
  ] as const)('asks nothing where %s', (_, protocol, text) => {
    expect(upstreamText(parseRequestBody(text), protocol, 'm')).toBe(text)
  })

  test('both edits at once', () => {
    const body = parseRequestBody(' {"stream_options":{},"model":"m","stream":true}')
    expect(upstreamText(body, 'chat', 'up')).toBe(
      ' {"stream_options":{"include_usage":true},"model":"up","stream":true}',
    )
  })
})
