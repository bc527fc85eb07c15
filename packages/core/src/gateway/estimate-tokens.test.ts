import { describe, expect, it } from 'vitest'
import { estimateTokens } from './estimate-tokens.ts'
import type { RateLimits } from './ports.ts'
import { fakeCall } from './testing/fake-call.ts'

const limited = (tokensPerMinute: number | null): RateLimits => ({ requestsPerMinute: null, tokensPerMinute })

/** The estimate beyond the input's bytes / 3. */
function assumedOutput(body: object, key: number | null, group: number | null): { input: number; output: number } {
  const call = fakeCall({ body, group: { rates: limited(group), assumedOutputTokens: 4_096 } })
  const input = Math.ceil(call.bytes.byteLength / 3)
  const estimate = estimateTokens({ ...call, caller: { ...call.caller, keyRates: limited(key) } })
  return { input, output: estimate - input }
}

describe('the tokens a request is counted with at admission', () => {
  it('are its bytes / 3 and the output its group assumes', () => {
    expect(assumedOutput({}, null, null).output).toBe(4_096)
    expect(assumedOutput({}, 10_000, null).output).toBe(4_096)
  })

  it.each([{ max_tokens: 50_000 }, { max_completion_tokens: 50_000 }, { max_output_tokens: 50_000 }])(
    'are its bytes / 3 and the output it states, whatever the limit: %o',
    (stated) => {
      expect(assumedOutput(stated, 100, 100).output).toBe(50_000)
    },
  )

  it.each([
    { key: 1_000, group: null },
    { key: null, group: 1_000 },
    { key: 1_000, group: 2_000 },
    { key: 2_000, group: 1_000 },
  ])('never exceed the tightest limit by an output nobody stated: key $key, group $group', ({ key, group }) => {
    const { input, output } = assumedOutput({}, key, group)
    expect(input + output).toBe(1_000)
  })

  it('are the input alone where that exceeds the limit already', () => {
    expect(assumedOutput({}, 1, null).output).toBe(0)
  })
})
