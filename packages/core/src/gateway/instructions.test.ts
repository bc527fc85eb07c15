import { describe, expect, it } from 'vitest'
import { instructedText, isCodexClient } from './instructions.ts'
import { parseRequestBody } from './request-body.ts'

const OURS = 'Be kind.\n"Always" – été'
const JSON_OURS = JSON.stringify(OURS)

function instructed(body: string, mode: 'off' | 'fill' | 'override', text = OURS): string | null {
  return instructedText(parseRequestBody(body), { mode, text })
}

describe('instructions of a group', () => {
  it.each([
    { body: '{"model":"m","input":"x"}', expected: `{"instructions":${JSON_OURS},"model":"m","input":"x"}` },
    { body: '{"model":"m","instructions":null}', expected: `{"model":"m","instructions":${JSON_OURS}}` },
    { body: '{"model":"m","instructions": "" }', expected: `{"model":"m","instructions": ${JSON_OURS} }` },
    { body: ' {"model":"m"} ', expected: ` {"instructions":${JSON_OURS},"model":"m"} ` },
  ])('fill what the caller left empty: $body', ({ body, expected }) => {
    expect(instructed(body, 'fill')).toBe(expected)
    expect(instructed(body, 'override')).toBe(expected)
  })

  it.each(['"mine"', '" "', '["mine"]', '0', '{"instructions":""}'])('fill leaves %s as it is', (given) => {
    expect(instructed(`{"model":"m","instructions":${given}}`, 'fill')).toBeNull()
  })

  it('override what the caller gave', () => {
    const body = '{"instr\\u0075ctions":"mine","model":"m"}'
    expect(instructed(body, 'override')).toBe(`{"instr\\u0075ctions":${JSON_OURS},"model":"m"}`)
  })

  it('leave every other byte as it was', () => {
    const rest = '"model" : "m",\t"seed":12345678901234567890, "x":1.0e+2,"nested":{"instructions":"theirs"}'
    expect(instructed(`{${rest},"instructions":"a"}`, 'override')).toBe(`{${rest},"instructions":${JSON_OURS}}`)
    expect(instructed(`{${rest}}`, 'fill')).toBe(`{"instructions":${JSON_OURS},${rest}}`)
  })

  it('change nothing when they are off or say nothing', () => {
    expect(instructed('{"model":"m"}', 'off')).toBeNull()
    expect(instructed('{"model":"m"}', 'fill', '')).toBeNull()
    expect(instructed('{"model":"m","instructions":"mine"}', 'override', '')).toBeNull()
  })
})

describe('isCodexClient', () => {
  const prefixes = ['codex_cli_rs/', 'codex-tui/']

  it.each([
    { userAgent: 'codex_cli_rs/0.59.0 (Ubuntu 24.04; x86_64) tmux/3.4', expected: true },
    { userAgent: 'codex-tui/1', expected: true },
    { userAgent: 'codex_cli_rs', expected: false },
    { userAgent: 'OpenAI/Python codex_cli_rs/0.59.0', expected: false },
    { userAgent: '', expected: false },
    { userAgent: null, expected: false },
  ])('knows the family by how its User-Agent starts: $userAgent', ({ userAgent, expected }) => {
    expect(isCodexClient(userAgent, prefixes)).toBe(expected)
  })
})
