import fc from 'fast-check'
import { expect, test } from 'vitest'
import { play } from './__fixtures__/play.ts'
import type { TransitionRule } from './transition.ts'

/** The full figure is that of `npm run soak`. */
const RUNS = Number(process.env.SOAK_ALERT_SERIES ?? 2_000)

/**
 * The same rules told from outside: not what to remember from minute to minute, but what the whole past says of a moment.
 * A minute is `b`reach, `m`iddle, `c`lear, `u`nknown or `g`one; unknown ones are nobody's, so holds are looked for without.
 */
function model(values: readonly (number | null)[], rule: TransitionRule): string[] {
  const letters = values.map((value) => letterOf(value, rule))
  const words: string[] = []
  let toldAt = Number.NEGATIVE_INFINITY
  let from = 0
  for (;;) {
    const begin = beginning(letters, from, rule.forMinutes)
    if (begin === null) return words
    const { at: end, reason } = ending(letters, begin, rule.keepFiringMinutes)
    const messages = messagesOf(letters, { begin, end, toldAt, rule })
    const byMinute = new Map(messages.map((message, index) => [message.at, `${message.sign}${index + 1}`]))
    for (let at = begin; at < end && at < letters.length; at += 1) {
      const word = `${at === begin ? '+' : ''}${byMinute.get(at) ?? ''}`
      if (word !== '') words.push(`${at}${word}`)
    }
    if (messages[0] !== undefined) toldAt = messages[0].at
    if (end >= letters.length) return words
    words.push(`${end}-${reason}${messages.length > 0 ? `^${messages.length + 1}` : ''}`)
    from = end + 1
  }
}

function letterOf(value: number | null, { operator, threshold, recoveryThreshold, noData }: TransitionRule): string {
  if (value === null) return { ok: 'c', keep: 'u', alert: 'b', resolve: 'g' }[noData]
  const sign = operator.startsWith('<') ? -1 : 1
  const isStrict = operator === '>' || operator === '<'
  if (operator === '==') return value === threshold ? 'b' : 'c'
  const beyond = (bound: number) => (isStrict ? sign * (value - bound) > 0 : sign * (value - bound) >= 0)
  return beyond(threshold) ? 'b' : beyond(recoveryThreshold) ? 'm' : 'c'
}

/** The first minute at which a run of breaches, unknown ones left out, is one longer than the hold. */
function beginning(letters: readonly string[], from: number, hold: number): number | null {
  for (let at = from; at < letters.length; at += 1) {
    if (letters[at] !== 'b') continue
    const known = letters.slice(from, at + 1).filter((letter) => letter !== 'u')
    if (known.length > hold && known.slice(-hold - 1).every((letter) => letter === 'b')) return at
  }
  return null
}

function ending(letters: readonly string[], begin: number, hold: number): { at: number; reason: string } {
  for (let at = begin + 1; at < letters.length; at += 1) {
    if (letters[at] === 'g') return { at, reason: 'no_data' }
    if (letters[at] !== 'c') continue
    const known = letters.slice(begin + 1, at + 1).filter((letter) => letter !== 'u')
    if (known.length > hold && known.slice(-hold - 1).every((letter) => letter === 'c'))
      return { at, reason: 'recovered' }
  }
  return { at: letters.length, reason: '' }
}

interface Episode {
  begin: number
  end: number
  toldAt: number
  rule: TransitionRule
}

/** Messages leave at minutes whose newest known letter is no clear one. */
function messagesOf(letters: readonly string[], { begin, end, toldAt, rule }: Episode): { at: number; sign: string }[] {
  const messages: { at: number; sign: string }[] = []
  for (let at = begin; at < Math.min(end, letters.length); at += 1) {
    const newest = letters.slice(begin, at + 1).findLast((letter) => letter !== 'u')
    if (newest === 'c') continue
    const last = messages.at(-1)
    if (last === undefined) {
      if (at - toldAt >= rule.cooldownMinutes) messages.push({ at, sign: '!' })
    } else if (rule.repeatMinutes > 0 && at - last.at >= rule.repeatMinutes) messages.push({ at, sign: '~' })
  }
  return messages
}

const rules: fc.Arbitrary<TransitionRule> = fc
  .record({
    operator: fc.constantFrom('>', '>=', '<', '<=', '=='),
    threshold: fc.integer({ min: 2, max: 6 }),
    gap: fc.integer({ min: 0, max: 2 }),
    forMinutes: fc.integer({ min: 0, max: 4 }),
    keepFiringMinutes: fc.integer({ min: 0, max: 4 }),
    noData: fc.constantFrom('ok', 'keep', 'alert', 'resolve'),
    repeatMinutes: fc.constantFrom(0, 5, 7),
    cooldownMinutes: fc.integer({ min: 0, max: 12 }),
  } as const)
  .map(({ gap, ...rule }) => ({
    ...rule,
    recoveryThreshold: rule.threshold + (rule.operator === '==' ? 0 : rule.operator.startsWith('<') ? gap : -gap),
  }))

/** Values stay for a while, as values do. */
const series = fc
  .array(fc.tuple(fc.option(fc.integer({ min: 0, max: 8 }), { freq: 5 }), fc.integer({ min: 1, max: 6 })), {
    maxLength: 25,
  })
  .map((runs) => runs.flatMap(([value, times]) => Array.from({ length: times }, () => value)))

test('whatever the rule and the series, it tells what the whole past says', () => {
  fc.assert(
    fc.property(rules, series, (rule, values) => {
      const words = values.map((value) => (value === null ? '-' : String(value))).join(' ')
      expect(values.length === 0 ? [] : play(words, rule).words).toEqual(model(values, rule))
    }),
    { numRuns: RUNS },
  )
}, 600_000)
