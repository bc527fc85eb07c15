import { type FaultInput, type FaultKind, faultKinds } from '@turnpike/sandbox'
import { describe, expect, test } from 'vitest'
import { type Answered, errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { type Protocol, readStrictly } from '../support/read-stream.ts'
import { waitFor } from '../support/wait-for.ts'

const WHOLE = 'Hello from the sandbox! You wrote: “Hello” – and every word of it arrived safely.'

/** How a request ends: what its caller is told, and what the ledger says. */
interface Ending {
  status: number
  /** Null = the answer is whole. */
  code: string | null
  outcome: string
}

const COMPLETED: Ending = { status: 200, code: null, outcome: 'completed' }
const cutShort = (code: string, outcome: string): Ending => ({ status: 200, code, outcome })
const refused = (status: number, code: string, outcome = 'exhausted'): Ending => ({ status, code, outcome })

const BROKEN = cutShort('upstream_invalid_response', 'upstream_cut')
const UNREACHABLE = refused(502, 'upstream_unreachable')
const TIMED_OUT = refused(504, 'upstream_timeout')
const UNUSABLE = refused(502, 'upstream_invalid_response', 'failed')
const UNUSABLE_CUT = refused(502, 'upstream_invalid_response', 'upstream_cut')
const TOO_LARGE = refused(502, 'upstream_too_large', 'failed')

interface Expected {
  fault: FaultInput
  stream: Ending
  json: Ending
  /** Where the caller's protocol is another one, if that makes a difference. */
  translatedJson?: Ending
}

/** One way of each kind; with a single account, so that nobody else can answer. */
const FAULTS: Record<Exclude<FaultKind, 'malformed_json'>, Expected> = {
  status: {
    fault: { kind: 'status', status: 500 },
    stream: refused(502, 'upstream_unavailable'),
    json: refused(502, 'upstream_unavailable'),
  },
  html: {
    fault: { kind: 'html' },
    stream: refused(502, 'upstream_forbidden'),
    json: refused(502, 'upstream_forbidden'),
  },
  slow_first_byte: { fault: { kind: 'slow_first_byte', ms: 5_000 }, stream: TIMED_OUT, json: TIMED_OUT },
  no_answer: { fault: { kind: 'no_answer' }, stream: TIMED_OUT, json: TIMED_OUT },
  headers_only: {
    fault: { kind: 'headers_only', pingEveryMs: 50 },
    stream: TIMED_OUT,
    json: refused(504, 'upstream_stalled', 'upstream_stalled'),
  },
  stall: {
    fault: { kind: 'stall', afterEvents: 8 },
    stream: cutShort('upstream_stalled', 'upstream_stalled'),
    json: refused(504, 'upstream_stalled', 'upstream_stalled'),
  },
  cut: { fault: { kind: 'cut', afterEvents: 8, how: 'rst' }, stream: BROKEN, json: UNUSABLE_CUT },
  truncated_json: { fault: { kind: 'truncated_json' }, stream: BROKEN, json: UNUSABLE },
  empty: { fault: { kind: 'empty' }, stream: UNREACHABLE, json: UNUSABLE },
  missing_usage: { fault: { kind: 'missing_usage' }, stream: COMPLETED, json: COMPLETED },
  wrong_usage: { fault: { kind: 'wrong_usage' }, stream: COMPLETED, json: COMPLETED },
  error_event: {
    fault: { kind: 'error_event', afterEvents: 8, code: 'odd' },
    stream: cutShort('odd', 'failed'),
    json: { status: 200, code: 'odd', outcome: 'failed' },
    translatedJson: refused(502, 'odd', 'failed'),
  },
  no_terminal: { fault: { kind: 'no_terminal', missingEvents: 4 }, stream: BROKEN, json: UNUSABLE },
  huge_line: {
    fault: { kind: 'huge_line', afterEvents: 8 },
    stream: cutShort('upstream_too_large', 'failed'),
    json: COMPLETED,
  },
  header_bomb: { fault: { kind: 'header_bomb' }, stream: UNREACHABLE, json: UNREACHABLE },
  gzip_bomb: { fault: { kind: 'gzip_bomb', megabytes: 80 }, stream: TOO_LARGE, json: TOO_LARGE },
  redirect: {
    fault: { kind: 'redirect', status: 307 },
    stream: refused(502, 'upstream_redirect'),
    json: refused(502, 'upstream_redirect'),
  },
  endless: {
    fault: { kind: 'endless', everyMs: 5 },
    stream: cutShort('upstream_timeout', 'upstream_stalled'),
    json: refused(504, 'upstream_stalled', 'upstream_stalled'),
  },
  split: { fault: { kind: 'split', bytes: 3 }, stream: COMPLETED, json: COMPLETED },
  duplicate_keys: { fault: { kind: 'duplicate_keys' }, stream: COMPLETED, json: COMPLETED },
  informational: { fault: { kind: 'informational', status: 102 }, stream: COMPLETED, json: COMPLETED },
  content_type: { fault: { kind: 'content_type' }, stream: COMPLETED, json: COMPLETED },
}

/** Only what is to be waited for in vain is short; all else has the time of a busy machine. */
const SILENT: Record<string, object> = {
  slow_first_byte: { firstByteTimeoutMs: 400 },
  no_answer: { firstByteTimeoutMs: 400 },
  headers_only: { firstByteTimeoutMs: 2_000, totalTimeoutMs: 4_000 },
  stall: { idleTimeoutMs: 400 },
  endless: { totalTimeoutMs: 3_000 },
}

// Most of their time is waiting for what does not come: they wait together.
describe.concurrent.each<[Protocol, Protocol]>([
  ['chat', 'chat'],
  ['responses', 'responses'],
  ['chat', 'responses'],
  ['responses', 'chat'],
])('a %s caller of a %s upstream', (caller, spoken) => {
  const account = { protocol: spoken }

  test.each(Object.entries(FAULTS))('%s: one well-formed end, one row, nothing left over', async (kind, expected) => {
    const { fault, stream, json, translatedJson = json } = expected
    await using world = await startGatewayWorld({ accounts: [account], group: SILENT[kind] ?? {} })
    world.setFault(fault)
    expectStreamed(await world[caller]({ stream: true }), stream, caller)
    await forgive(world)
    expectWhole(await world[caller](), caller === spoken ? json : translatedJson, caller)

    const rows = await world.ledger()
    expect(rows.map((row) => [row.stream, row.outcome])).toEqual([
      [true, stream.outcome],
      [false, json.outcome],
    ])
    for (const row of rows) {
      expect(row.priceRule === 'usage').toBe(row.outcome === 'completed' && !kind.endsWith('_usage'))
      expect(row.billedNano > 0n).toBe(row.priceRule !== 'nothing')
    }
    expect(world.gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
    await waitFor('the upstream to be left alone', () => world.sandboxes[0]?.status().inFlight === 0, 5_000)
  })

  test('malformed_json: one event that nobody can read does not end the stream, a whole answer is none', async () => {
    await using world = await startGatewayWorld({ accounts: [account] })
    world.setFault({ kind: 'malformed_json', afterEvents: 8 })
    const { text } = await world[caller]({ stream: true })
    const events = text.split('\n\n').slice(0, -1)
    const broken = events.filter((event) => /^data: \{/m.test(event) && !event.endsWith('}'))
    // Between equals bytes go through as they are; what is translated must be understood.
    expect(broken).toHaveLength(caller === spoken ? 1 : 0)
    if (caller !== spoken) expect(readStrictly(text, caller)).toMatchObject({ end: 'done' })
    else expect(events.at(-1)).toMatch(caller === 'chat' ? /^data: \[DONE\]$/ : /^event: response.completed\n/)
    expectWhole(await world[caller](), UNUSABLE, caller)
    expect(await world.ledger()).toMatchObject([{ outcome: 'completed', priceRule: 'usage' }, { outcome: 'failed' }])
  })

  test('an error as first event goes to another account; its own words to the caller where there is none', async () => {
    await using world = await startGatewayWorld({
      accounts: [
        { ...account, priority: 1 },
        { ...account, priority: 2 },
      ],
    })
    for (const index of [0, 1]) world.setFault({ kind: 'error_event', code: 'server_is_overloaded', times: 1 }, index)
    expect(errorOf(await world[caller]({ stream: true }))).toMatchObject({ code: 'upstream_overloaded' })
    await forgive(world)
    world.setFault({ kind: 'error_event', code: 'server_is_overloaded', times: 1 }, 0)
    const answer = await world[caller]({ stream: true })
    expect(readStrictly(answer.text, caller)).toMatchObject({ end: 'done', text: WHOLE })
    expect(answer.headers.get('x-turnpike-attempts')).toBe('2')
    await forgive(world)
    world.setFault({ kind: 'error_event', code: 'context_length_exceeded', message: 'Too long', times: 1 }, 0)
    const told = await world[caller]({ stream: true })
    expect(readStrictly(told.text, caller)).toMatchObject({ end: 'error', code: 'context_length_exceeded', text: '' })
    expect(told.text).toContain('Too long')
    expect(told.headers.get('x-turnpike-attempts')).toBe('1')
  })
})

/** What one fault taught must not decide what the next request meets. */
async function forgive({ gateway, accountIds }: GatewayWorld): Promise<void> {
  for (const id of accountIds) await gateway.accountRuntime.clear(id)
}

function expectStreamed(answer: Answered, { status, code }: Ending, caller: Protocol): void {
  expect(answer.status).toBe(status)
  if (status !== 200) return expectError(answer, code)
  const read = readStrictly(answer.text, caller)
  expect(read).toMatchObject({ end: code === null ? 'done' : 'error', code })
  if (code === null) expect(read.text).toBe(WHOLE)
  else expect(read.text).not.toBe('')
}

function expectWhole(answer: Answered, { status, code }: Ending, caller: Protocol): void {
  expect(answer.status).toBe(status)
  if (code !== null) return expectError(answer, code)
  const json = JSON.parse(answer.text)
  expect(caller === 'chat' ? json.choices[0].message.content : json.output[0].content[0].text).toBe(WHOLE)
}

function expectError(answer: Answered, code: string | null): void {
  expect(errorOf(answer)).toMatchObject({ code })
}

test('every kind of fault is met here', () => {
  const met = [...Object.keys(FAULTS), 'malformed_json']
  expect(met.sort()).toEqual(
    faultKinds()
      .map(({ kind }) => kind)
      .sort(),
  )
})
