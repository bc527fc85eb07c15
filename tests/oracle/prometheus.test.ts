import { initialState, type TransitionRule, transition } from '@turnpike/core/alerts/transition'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { minutesOf, PLAIN } from '../../packages/core/src/alerts/__fixtures__/play.ts'
import { askPrometheus, promtool, type States } from './promtool.ts'

const SERIES = 600
const SEED = 20_260_821
const MINUTE_MS = 60_000
const LETTERS = { inactive: '-', pending: 'p', firing: 'f', recovering: 'f' } as const

interface Scenario {
  rule: TransitionRule
  values: readonly (number | null)[]
}

function scenario(series: string, rule: Partial<TransitionRule>): Scenario {
  return { rule: { ...PLAIN, ...rule }, values: minutesOf(series).map((value) => value ?? null) }
}

/** Where our own transition stands after each minute. */
function statesOf({ rule, values }: Scenario): States {
  let state = initialState(0)
  return values
    .map((value, minute) => {
      state = transition(state, value, minute * MINUTE_MS, rule).next
      return LETTERS[state.phase]
    })
    .join('')
}

const rules: fc.Arbitrary<TransitionRule> = fc
  .record({
    operator: fc.constantFrom('>', '>=', '<', '<=', '=='),
    threshold: fc.integer({ min: 2, max: 6 }),
    gap: fc.integer({ min: 0, max: 2 }),
    forMinutes: fc.integer({ min: 0, max: 6 }),
    keepFiringMinutes: fc.integer({ min: 0, max: 6 }),
    noData: fc.constantFrom('ok', 'alert'),
    repeatMinutes: fc.constant(0),
    cooldownMinutes: fc.constant(0),
  } as const)
  .map(({ gap, ...rule }) => ({
    ...rule,
    recoveryThreshold: rule.threshold + (rule.operator === '==' ? 0 : rule.operator.startsWith('<') ? gap : -gap),
  }))

/** Values stay for a while, as values do. */
const series = fc
  .array(fc.tuple(fc.option(fc.integer({ min: 0, max: 8 }), { freq: 6 }), fc.integer({ min: 1, max: 8 })), {
    minLength: 8,
    maxLength: 16,
  })
  .map((runs) => runs.flatMap(([value, times]) => Array.from({ length: times }, () => value)))

function isFiredBy({ states }: { states: States }): boolean {
  return states.includes('f')
}

describe.skipIf(promtool === null)('beside Prometheus', () => {
  test.each<[string, Partial<TransitionRule>, States]>([
    ['1 9 1', {}, '-f-'],
    ['9*4', { forMinutes: 3 }, 'pppf'],
    ['9 9 1 9*4', { forMinutes: 3 }, 'pp-pppf'],
    ['9 1*4', { keepFiringMinutes: 3 }, 'ffff-'],
    ['9 1 1 9 1*4', { keepFiringMinutes: 3 }, 'fffffff-'],
    ['9 9 9 1 1 9 9 9', { forMinutes: 2, keepFiringMinutes: 2 }, 'ppffffff'],
    ['9 9 9 1 1 1 9 9 9', { forMinutes: 2, keepFiringMinutes: 2 }, 'ppfff-ppf'],
    ['11 8 5 8 11', { threshold: 10, recoveryThreshold: 5 }, 'ff--f'],
    ['11 8 11 11 8 5', { threshold: 10, recoveryThreshold: 5, forMinutes: 1 }, 'p-pff-'],
    ['11 5 8 5 5', { threshold: 10, recoveryThreshold: 5, keepFiringMinutes: 1 }, 'ffff-'],
    ['1 3 1', { operator: '<=', threshold: 2, recoveryThreshold: 3, keepFiringMinutes: 1 }, 'fff'],
    ['9 - 9', {}, 'f-f'],
    ['1 - - 1', { noData: 'alert', forMinutes: 1 }, '-pf-'],
  ])('%s %o → %s', async (values, rule, states) => {
    const given = scenario(values, rule)
    expect(statesOf(given)).toBe(states)
    expect(await askPrometheus([{ ...given, states }])).toMatchObject({ agrees: true })
  })

  test(`whatever the rule, ${SERIES} series wait, fire and end at the same minutes`, async () => {
    const scenarios = fc.sample(fc.record({ rule: rules, values: series }), { seed: SEED, numRuns: SERIES })
    const claims = scenarios.map((each) => ({ ...each, states: statesOf(each) }))
    // The experiment would prove little if most of them never fired.
    expect(claims.filter(isFiredBy).length).toBeGreaterThan(SERIES / 2)
    const { agrees, output } = await askPrometheus(claims)
    expect(agrees, output.slice(0, 4_000)).toBe(true)
  })

  test.each<[string, string, Partial<TransitionRule>]>([
    ['the hold', '9*4', { forMinutes: 2 }],
    ['the keeping', '9 1*4', { keepFiringMinutes: 2 }],
    ['the threshold', '6', {}],
    ['the recovery threshold', '9 5', { recoveryThreshold: 4 }],
  ])('Prometheus would say so if %s were one off', async (_what, values, rule) => {
    const given = scenario(values, rule)
    const { forMinutes, keepFiringMinutes, threshold, recoveryThreshold } = given.rule
    const off = {
      ...given.rule,
      ...('forMinutes' in rule && { forMinutes: forMinutes + 1 }),
      ...('keepFiringMinutes' in rule && { keepFiringMinutes: keepFiringMinutes + 1 }),
      ...('recoveryThreshold' in rule ? { recoveryThreshold: recoveryThreshold + 1 } : { threshold: threshold + 1 }),
    }
    const states = statesOf({ ...given, rule: off })
    expect(states).not.toBe(statesOf(given))
    expect(await askPrometheus([{ ...given, states }])).toMatchObject({ agrees: false })
  })

  /** Each is told of in docs/alerts-and-prometheus.md. */
  test.each<[string, string, Partial<TransitionRule>, { ours: States; theirs: States }]>([
    ['no data may keep what is', '9 - - 9', { noData: 'keep' }, { ours: 'ffff', theirs: 'f--f' }],
    [
      'no data may neither add to a hold nor end it',
      '9 - 9',
      { noData: 'keep', forMinutes: 1 },
      { ours: 'ppf', theirs: 'p-p' },
    ],
    ['no data may end at once', '9 - -', { noData: 'resolve', keepFiringMinutes: 2 }, { ours: 'f--', theirs: 'fff' }],
    ['what is infinite is no data', 'Infinity', {}, { ours: '-', theirs: 'f' }],
  ])('differs on purpose: %s', async (_what, values, rule, { ours, theirs }) => {
    const given = scenario(values, rule)
    expect(statesOf(given)).toBe(ours)
    expect(await askPrometheus([{ ...given, states: theirs }])).toMatchObject({ agrees: true })
    expect(await askPrometheus([{ ...given, states: ours }])).toMatchObject({ agrees: false })
  })
})
