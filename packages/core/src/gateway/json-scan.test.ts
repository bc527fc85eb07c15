import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addMember, applyEdits, closingQuote, replaceMember, scanObject } from './json-scan.ts'

/** JSON white space, as a generator and by its places in an object's text. */
const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/)
const name = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('model', 'a"b', 'a\\', '\\"', '__proto__', '中文', '🙂'),
)
const value = fc.oneof(
  fc.json(),
  fc.constantFrom('9007199254740993', '1e400', '-0.0', '"\\\\"', '"\\u0022"', '{}', '[]'),
)
const members = fc.uniqueArray(fc.tuple(name, value), { minLength: 1, maxLength: 8, selector: ([key]) => key })
const objectText = fc
  .tuple(members, fc.array(space, { minLength: 40, maxLength: 40 }), fc.boolean())
  .map(([pairs, spaces, isEscaped]) => ({ pairs, text: written(pairs, spaces, isEscaped) }))

/** The object as a careless writer might put it: odd spaces, keys with needless escapes. */
function written(pairs: [string, string][], spaces: string[], isEscaped: boolean): string {
  let at = 0
  const gap = () => spaces[at++ % spaces.length] ?? ''
  const key = (raw: string) => (isEscaped ? escapedEverywhere(raw) : JSON.stringify(raw))
  const inner = pairs.map(([raw, json]) => `${gap()}${key(raw)}${gap()}:${gap()}${json}${gap()}`).join(',')
  return `${gap()}{${inner}}${gap()}`
}

function escapedEverywhere(raw: string): string {
  const units = Array.from({ length: raw.length }, (_, i) => raw.charCodeAt(i).toString(16).padStart(4, '0'))
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`
}

describe('scanObject', () => {
  test('finds every member where it stands, whatever the white space and the escapes', () => {
    fc.assert(
      fc.property(objectText, ({ pairs, text }) => {
        const { members: found, duplicateKey } = scanObject(text)
        expect([...found.keys()]).toEqual(pairs.map(([key]) => key))
        expect(duplicateKey).toBeNull()
        for (const [key, json] of pairs) {
          const span = found.get(key)
          expect(text.slice(span?.valueStart, span?.valueEnd)).toBe(json.trim())
          expect(text[span?.keyStart ?? -1]).toBe('"')
        }
      }),
    )
  })

  test.each([
    ['twice the same', '{"a":1,"b":2,"a":3}', 'a'],
    ['the second one escaped', '{"model":1,"mod\\u0065l":2}', 'model'],
    ['both escaped, differently', '{"\\u0061":1,"\\u0061":2}', 'a'],
    ['the first of several', '{"b":1,"a":1,"b":1,"a":1}', 'b'],
    ['empty names', '{"":1,"":2}', ''],
    ['a name every object has', '{"__proto__":1,"__proto__":2}', '__proto__'],
  ])('names a duplicate key: %s', (_, text, key) => {
    expect(scanObject(text).duplicateKey).toBe(key)
  })

  test.each([
    ['in a nested object', '{"a":{"b":1,"b":2}}'],
    ['that only looks alike', '{"a":1,"A":2," a":3,"a ":4}'],
    ['inside a string', '{"a":"\\"a\\":1,\\"a\\":2"}'],
  ])('takes no key for a duplicate %s', (_, text) => {
    expect(scanObject(text).duplicateKey).toBeNull()
  })

  test.each([
    ['{}', 1],
    ['{"a":1}', 1],
    ['{"a":{}}', 2],
    ['{"a":[[[]]]}', 4],
    ['{"a":[],"b":[[1,2],[{}]],"c":1}', 4],
    ['{"a":"[[[[{{{{"}', 1],
  ])('counts the depth of %s', (text, depth) => {
    expect(scanObject(text).depth).toBe(depth)
  })

  test('scans an object inside a text from its brace on', () => {
    const text = 'data: {"response":{"model":"m","x":{"model":"no"}}}\n\n'
    const outer = scanObject(text)
    const response = outer.members.get('response')
    const span = scanObject(text, response?.valueStart).members.get('model')
    expect(text.slice(span?.valueStart, span?.valueEnd)).toBe('"m"')
  })

  test('never throws and always ends on text that is no JSON', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '"a"', '"\\x"', ' ', '1', '"model"')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        expect(scanObject(pieces.join('')).depth).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['a string of backslashes', `{"a":"${'\\\\'.repeat(500_000)}","b":1}`],
    ['a string of escaped quotes', `{"a":"${'\\"'.repeat(500_000)}","b":1}`],
    ['quotes behind long runs of backslashes', `{"a":"${`${'\\\\'.repeat(500)}\\"`.repeat(1_000)}","b":1}`],
    ['many members', `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join()},"b":1}`],
    ['one deep value', `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)},"b":1}`],
  ])('takes time in proportion to the text: %s', (_, text) => {
    const startedAt = performance.now()
    expect(scanObject(text).members.has('b')).toBe(true)
    // A quadratic scan of a megabyte takes minutes; this leaves room for a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

describe('closingQuote', () => {
  test.each([
    ['"a"', 2],
    ['"a\\"b"', 5],
    ['"a\\\\"b"', 4],
    ['"\\\\\\""', 5],
    ['"never closed', 13],
    ['"closed only by an escape\\"', 27],
  ])('of %s stands at %i', (text, at) => {
    expect(closingQuote(text, 0)).toBe(at)
  })
})

describe('an edit', () => {
  test('changes one member and not a byte elsewhere', () => {
    fc.assert(
      fc.property(objectText, fc.nat(), fc.json(), ({ pairs, text }, pick, json) => {
        const [key = ''] = pairs[pick % pairs.length] ?? []
        const span = scanObject(text).members.get(key)
        if (span === undefined) throw new Error('the member was not found')
        const edited = applyEdits(text, [replaceMember(span, json)])
        expect(entries(edited)).toEqual(entries(text).map(([k, v]) => [k, k === key ? JSON.parse(json) : v]))
        expect(edited.startsWith(text.slice(0, span.valueStart))).toBe(true)
        expect(edited.endsWith(text.slice(span.valueEnd))).toBe(true)
        expect(edited.length - json.length).toBe(text.length - (span.valueEnd - span.valueStart))
      }),
    )
  })

  test('adds a member in front and not a byte elsewhere', () => {
    fc.assert(
      fc.property(objectText, fc.json(), ({ text }, json) => {
        const open = text.indexOf('{')
        const added = applyEdits(text, [addMember(open, false, 'a new "one"', json)])
        expect(entries(added)).toEqual([['a new "one"', JSON.parse(json)], ...entries(text)])
        expect(added.endsWith(text.slice(open + 1))).toBe(true)
      }),
    )
  })

  test('adds the first member of an empty object without a comma', () => {
    expect(applyEdits(' { } ', [addMember(1, true, 'a', '1')])).toBe(' {"a":1 } ')
  })

  test('several edits are made in any order of giving them', () => {
    const text = '{"a":1,"b":[2],"c":"3"}'
    const { members: found } = scanObject(text)
    const edits = [...found.values()].map((span, i) => replaceMember(span, 'x'.repeat(i)))
    expect(applyEdits(text, edits)).toBe('{"a":,"b":x,"c":xx}')
    expect(applyEdits(text, edits.toReversed())).toBe('{"a":,"b":x,"c":xx}')
  })

  test('numbers beyond 2^53 pass through beside it', () => {
    const text = '{"seed": 9007199254740993, "model":"a","big":1e999}'
    const span = scanObject(text).members.get('model')
    expect(span && applyEdits(text, [replaceMember(span, '"b"')])).toBe(
      '{"seed": 9007199254740993, "model":"b","big":1e999}',
    )
  })
})

/** Members of a JSON object in order, `__proto__` among them, -0 made plain. */
function entries(text: string): [string, unknown][] {
  const parsed: unknown = JSON.parse(text)
  return Object.entries(Object(parsed))
}
