import { describe, expect, test } from 'vitest'
import { PLAIN, play, told, wordOf } from './__fixtures__/play.ts'
import { closed, initialState, isBeyond, type TransitionRule, worse } from './transition.ts'

type Case = [series: string, rule: Partial<TransitionRule>, expected: string]

describe('it fires when the breach has been held for so many minutes', () => {
  test.each<Case>([
    ['1 1 1', {}, ''],
    ['9', {}, '0+!1'],
    ['1 9', {}, '1+!1'],
    ['9 9 9', {}, '0+!1'],
    ['9', { forMinutes: 1 }, ''],
    ['9 9', { forMinutes: 1 }, '1+!1'],
    ['9 9', { forMinutes: 2 }, ''],
    ['9*3', { forMinutes: 2 }, '2+!1'],
    ['1 9*3', { forMinutes: 2 }, '3+!1'],
    ['9*5', { forMinutes: 5 }, ''],
    ['9*6', { forMinutes: 5 }, '5+!1'],
    ['9 9 1 9 9', { forMinutes: 2 }, ''],
    ['9 9 1 9*3', { forMinutes: 2 }, '5+!1'],
    ['9 1 9 1 9 1', { forMinutes: 1 }, ''],
    ['9*60', { forMinutes: 60 }, ''],
    ['9*61', { forMinutes: 60 }, '60+!1'],
    ['9*1440', { forMinutes: 1440 }, ''],
    ['9*1441', { forMinutes: 1440 }, '1440+!1'],
    ['9 9 5 9 9', { forMinutes: 2 }, ''],
    ['6 7 8', { forMinutes: 2 }, '2+!1'],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('each operator is beyond its threshold, and at it, as it says', () => {
  test.each<Case>([
    ['5', { operator: '>' }, ''],
    ['5.1', { operator: '>' }, '0+!1'],
    ['4.9', { operator: '>' }, ''],
    ['5', { operator: '>=' }, '0+!1'],
    ['4.9', { operator: '>=' }, ''],
    ['5.1', { operator: '>=' }, '0+!1'],
    ['5', { operator: '<' }, ''],
    ['4.9', { operator: '<' }, '0+!1'],
    ['5.1', { operator: '<' }, ''],
    ['5', { operator: '<=' }, '0+!1'],
    ['4.9', { operator: '<=' }, '0+!1'],
    ['5.1', { operator: '<=' }, ''],
    ['5', { operator: '==' }, '0+!1'],
    ['4', { operator: '==' }, ''],
    ['6', { operator: '==' }, ''],
    ['0', { operator: '==', threshold: 0, recoveryThreshold: 0 }, '0+!1'],
    ['-0', { operator: '==', threshold: 0, recoveryThreshold: 0 }, '0+!1'],
    ['9 5', { operator: '>' }, '0+!1 1-recovered^2'],
    ['9 5', { operator: '>=' }, '0+!1'],
    ['9 4.9', { operator: '>=' }, '0+!1 1-recovered^2'],
    ['1 5', { operator: '<' }, '0+!1 1-recovered^2'],
    ['1 5', { operator: '<=' }, '0+!1'],
    ['1 5.1', { operator: '<=' }, '0+!1 1-recovered^2'],
    ['5 6', { operator: '==' }, '0+!1 1-recovered^2'],
    ['5 4 5', { operator: '==' }, '0+!1 1-recovered^2 2+!1'],
    ['Infinity', {}, ''],
    ['NaN', {}, ''],
    ['NaN', { noData: 'alert' }, '0+!1'],
    ['9 Infinity', { noData: 'keep' }, '0+!1'],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('it ends when the good side has been held for so many minutes', () => {
  test.each<Case>([
    ['9 1', {}, '0+!1 1-recovered^2'],
    ['9 1', { keepFiringMinutes: 1 }, '0+!1'],
    ['9 1 1', { keepFiringMinutes: 1 }, '0+!1 2-recovered^2'],
    ['9 1*5', { keepFiringMinutes: 5 }, '0+!1'],
    ['9 1*6', { keepFiringMinutes: 5 }, '0+!1 6-recovered^2'],
    ['9 1 1 9 1 1 1', { keepFiringMinutes: 2 }, '0+!1 6-recovered^2'],
    ['9 1 9 1 9 1', { keepFiringMinutes: 1 }, '0+!1'],
    ['9 1 9 1 9 1 1', { keepFiringMinutes: 1 }, '0+!1 6-recovered^2'],
    ['9 1 9 1', {}, '0+!1 1-recovered^2 2+!1 3-recovered^2'],
    ['9 9 1 9 9', { forMinutes: 1 }, '1+!1 2-recovered^2 4+!1'],
    ['9 9 1 9 9', { forMinutes: 1, keepFiringMinutes: 1 }, '1+!1'],
    ['9 9 9 1 1 1 1', { forMinutes: 2, keepFiringMinutes: 3 }, '2+!1 6-recovered^2'],
    ['9 1*1440', { keepFiringMinutes: 1440 }, '0+!1'],
    ['9 1*1441', { keepFiringMinutes: 1440 }, '0+!1 1441-recovered^2'],
    ['9 1 1 9 9 1 1 1', { keepFiringMinutes: 2, forMinutes: 0 }, '0+!1 7-recovered^2'],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('between both thresholds nothing begins and nothing ends', () => {
  const rule = { threshold: 10, recoveryThreshold: 5 }
  const under = { operator: '<', threshold: 5, recoveryThreshold: 10 } as const
  test.each<Case>([
    ['8', rule, ''],
    ['8 8 8', rule, ''],
    ['11 8', rule, '0+!1'],
    ['11 8 5', rule, '0+!1 2-recovered^2'],
    ['11 8 5.1', rule, '0+!1'],
    ['11 10 6 5', rule, '0+!1 3-recovered^2'],
    ['11 8*100', rule, '0+!1'],
    ['11 5 8 5', { ...rule, keepFiringMinutes: 1 }, '0+!1'],
    ['11 5 8 5 5', { ...rule, keepFiringMinutes: 1 }, '0+!1 4-recovered^2'],
    ['11 5 5 8', { ...rule, keepFiringMinutes: 1 }, '0+!1 2-recovered^2'],
    ['11 8 11', { ...rule, forMinutes: 1 }, ''],
    ['11 11 8 11', { ...rule, forMinutes: 1 }, '1+!1'],
    ['11 8 11 11', { ...rule, forMinutes: 1 }, '3+!1'],
    ['4 7', under, '0+!1'],
    ['4 7 10', under, '0+!1 2-recovered^2'],
    ['4 7 9.9', under, '0+!1'],
    ['7', under, ''],
    ['5', under, ''],
    ['10 8 5', { ...rule, operator: '>=' }, '0+!1'],
    ['10 8 4.9', { ...rule, operator: '>=' }, '0+!1 2-recovered^2'],
    ['5 7 10.1', { ...under, operator: '<=' }, '0+!1 2-recovered^2'],
    ['5 7 10', { ...under, operator: '<=' }, '0+!1'],
    ['8 11 8', { ...rule, noData: 'resolve' }, '1+!1'],
  ])('%s %o → %s', (series, rules, expected) => expect(told(series, rules)).toBe(expected))
})

describe('no data is what the rule says it is', () => {
  test.each<Case>([
    ['-', { noData: 'ok' }, ''],
    ['-', { noData: 'keep' }, ''],
    ['-', { noData: 'alert' }, '0+!1'],
    ['-', { noData: 'resolve' }, ''],
    ['- - -', { noData: 'alert', forMinutes: 2 }, '2+!1'],
    ['- -', { noData: 'alert', forMinutes: 2 }, ''],
    ['9 - 9', { noData: 'alert', forMinutes: 2 }, '2+!1'],
    ['9 - 9', { noData: 'ok', forMinutes: 1 }, ''],
    ['9 - 9', { noData: 'keep', forMinutes: 1 }, '2+!1'],
    ['9 - 9', { noData: 'resolve', forMinutes: 1 }, ''],
    ['9 - - - 9', { noData: 'keep', forMinutes: 2 }, ''],
    ['9 - - - 9 9', { noData: 'keep', forMinutes: 2 }, '5+!1'],
    ['9 -', { noData: 'ok' }, '0+!1 1-recovered^2'],
    ['9 -', { noData: 'ok', keepFiringMinutes: 1 }, '0+!1'],
    ['9 - -', { noData: 'ok', keepFiringMinutes: 1 }, '0+!1 2-recovered^2'],
    ['9 -*50', { noData: 'keep' }, '0+!1'],
    ['9 -*50 1', { noData: 'keep' }, '0+!1 51-recovered^2'],
    ['9 -*50', { noData: 'alert' }, '0+!1'],
    ['9 -', { noData: 'resolve' }, '0+!1 1-no_data^2'],
    ['9 -', { noData: 'resolve', keepFiringMinutes: 5 }, '0+!1 1-no_data^2'],
    ['9 1 -', { noData: 'resolve', keepFiringMinutes: 5 }, '0+!1 2-no_data^2'],
    ['9 1 -*9 1', { noData: 'keep', keepFiringMinutes: 1 }, '0+!1 11-recovered^2'],
    ['9 1 - 9', { noData: 'keep', keepFiringMinutes: 1 }, '0+!1'],
    ['9 1 - - 1', { noData: 'alert', keepFiringMinutes: 1 }, '0+!1'],
    ['9 - 9', { noData: 'resolve' }, '0+!1 1-no_data^2 2+!1'],
    ['9 -*10', { noData: 'keep', repeatMinutes: 5 }, '0+!1 5~2 10~3'],
    ['9 -*10', { noData: 'alert', repeatMinutes: 5 }, '0+!1 5~2 10~3'],
    ['9 1 -*10', { noData: 'keep', repeatMinutes: 5, keepFiringMinutes: 3 }, '0+!1'],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('minutes that nobody judged neither count as held nor end a hold', () => {
  test.each<Case>([
    ['9 . 9', { forMinutes: 2 }, ''],
    ['9 . 9 9', { forMinutes: 2 }, '3+!1'],
    ['9 .*100 9', { forMinutes: 1 }, '101+!1'],
    ['9 .*100 1', { forMinutes: 1 }, ''],
    ['9 .*100 9', {}, '0+!1'],
    ['9 .*100 1', {}, '0+!1 101-recovered^2'],
    ['9 1 .*100 1', { keepFiringMinutes: 2 }, '0+!1'],
    ['9 1 .*100 1 1', { keepFiringMinutes: 2 }, '0+!1 103-recovered^2'],
    ['9 1 .*100 9 1 1 1', { keepFiringMinutes: 2 }, '0+!1 105-recovered^2'],
    ['.*3 9 9', { forMinutes: 1 }, '4+!1'],
    ['9 9 .*5 9 9', { forMinutes: 3 }, '8+!1'],
    ['9 .*20 9', { repeatMinutes: 10 }, '0+!1 21~2'],
    ['9 .*20 - 9', { noData: 'keep', forMinutes: 1 }, '22+!1'],
    ['.*5', {}, ''],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('it repeats while it fires, counted from the last message', () => {
  test.each<Case>([
    ['9*20', { repeatMinutes: 0 }, '0+!1'],
    ['9*5', { repeatMinutes: 5 }, '0+!1'],
    ['9*6', { repeatMinutes: 5 }, '0+!1 5~2'],
    ['9*11', { repeatMinutes: 5 }, '0+!1 5~2 10~3'],
    ['9*240', { repeatMinutes: 240 }, '0+!1'],
    ['9*241', { repeatMinutes: 240 }, '0+!1 240~2'],
    ['9*9', { repeatMinutes: 5, forMinutes: 2 }, '2+!1 7~2'],
    ['9*4 1*3 9', { repeatMinutes: 5, keepFiringMinutes: 5 }, '0+!1 7~2'],
    ['9 1*8', { repeatMinutes: 5, keepFiringMinutes: 9 }, '0+!1'],
    ['9*6 1', { repeatMinutes: 5 }, '0+!1 5~2 6-recovered^3'],
    ['9*6 1 9*6', { repeatMinutes: 5 }, '0+!1 5~2 6-recovered^3 7+!1 12~2'],
    ['11 8*9', { threshold: 10, recoveryThreshold: 5, repeatMinutes: 5 }, '0+!1 5~2'],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('within the cool-down an episode tells nobody, and is one all the same', () => {
  test.each<Case>([
    ['9 1 9', { cooldownMinutes: 10 }, '0+!1 1-recovered^2 2+'],
    ['9 1 9 1', { cooldownMinutes: 10 }, '0+!1 1-recovered^2 2+ 3-recovered'],
    ['9 1 9*7 1', { cooldownMinutes: 5 }, '0+!1 1-recovered^2 2+ 5!1 9-recovered^2'],
    ['9 1*9 9', { cooldownMinutes: 10 }, '0+!1 1-recovered^2 10+!1'],
    ['9 1*8 9', { cooldownMinutes: 10 }, '0+!1 1-recovered^2 9+'],
    ['9 1 9 1 9 1 9', { cooldownMinutes: 6 }, '0+!1 1-recovered^2 2+ 3-recovered 4+ 5-recovered 6+!1'],
    ['9 1 9*4', { cooldownMinutes: 9, repeatMinutes: 5 }, '0+!1 1-recovered^2 2+'],
    ['9 1 9*15', { cooldownMinutes: 9, repeatMinutes: 5 }, '0+!1 1-recovered^2 2+ 9!1 14~2'],
    ['9 1 9 1*8', { cooldownMinutes: 5, keepFiringMinutes: 3 }, '0+!1 6-recovered^2'],
    ['9 1 1 9 1 1', { cooldownMinutes: 60, keepFiringMinutes: 1 }, '0+!1 2-recovered^2 3+ 5-recovered'],
    ['9 9 9 1 9*3', { cooldownMinutes: 5, forMinutes: 1 }, '1+!1 3-recovered^2 5+ 6!1'],
    ['9 1 - 9', { cooldownMinutes: 60, noData: 'resolve' }, '0+!1 1-recovered^2 3+'],
  ])('%s %o → %s', (series, rule, expected) => expect(told(series, rule)).toBe(expected))
})

describe('a rule that goes ends what is open, for its own reason', () => {
  test.each([
    ['9', {}, 'rule_changed', '-rule_changed^2'],
    ['9', {}, 'rule_disabled', '-rule_disabled^2'],
    ['9', {}, 'rule_deleted', '-rule_deleted^2'],
    ['9', {}, 'manual', '-manual^2'],
    ['9*6', { repeatMinutes: 5 }, 'manual', '-manual^3'],
    ['9 1', { keepFiringMinutes: 5 }, 'rule_deleted', '-rule_deleted^2'],
    ['9', { forMinutes: 5 }, 'rule_changed', ''],
    ['1', {}, 'rule_deleted', ''],
    ['9 1', {}, 'rule_deleted', ''],
    ['9 1 9', { cooldownMinutes: 60 }, 'rule_deleted', '-rule_deleted'],
  ] as const)('%s %o, %s → %s', (series, rule, reason, expected) => {
    const { state } = play(series, { ...PLAIN, ...rule })
    const end = closed(state, 99 * 60_000, reason)
    expect(wordOf(end)).toBe(expected)
    expect(end.next).toMatchObject({ phase: 'inactive', heldMinutes: 0, episode: state.episode, isQuiet: false })
  })

  test('a rule that was edited holds anew, and goes on counting episodes', () => {
    const { state } = play('9*3', { ...PLAIN, forMinutes: 2 })
    const { next } = closed(state, 3 * 60_000, 'rule_changed')
    expect(next).toMatchObject({ episode: 1, phase: 'inactive', lastFiringMessageMs: 2 * 60_000 })
  })
})

describe('clocks that change do not matter: minutes are counted, not times of day', () => {
  test.each([
    ['Berlin goes forward', '2026-03-29T00:58:00Z'],
    ['Berlin goes back', '2026-10-25T00:58:00Z'],
    ['New York goes forward', '2026-03-08T06:58:00Z'],
    ['New York goes back', '2026-11-01T05:58:00Z'],
    ['a leap day begins', '2028-02-28T23:58:00Z'],
    ['a year begins', '2026-12-31T23:58:00Z'],
    ['before 1970', '1969-12-31T23:58:00Z'],
  ])('%s', (_name, at) => {
    const rule = { forMinutes: 3, keepFiringMinutes: 2, repeatMinutes: 5 }
    expect(told('1 9*10 1*3', rule, Date.parse(at))).toBe('4+!1 9~2 13-recovered^3')
  })
})

test.each([
  [1, '>', 1, false],
  [1, '>=', 1, true],
  [1, '<', 1, false],
  [1, '<=', 1, true],
  [1, '==', 1, true],
  [2, '==', 1, false],
] as const)('%d %s %d is %s', (value, operator, threshold, expected) =>
  expect(isBeyond(value, operator, threshold)).toBe(expected),
)

test('the peak is the value furthest beyond the threshold', () => {
  expect(play('9 12 7', PLAIN).state.peak).toBe(12)
  expect(play('4 2 3', { ...PLAIN, operator: '<' }).state.peak).toBe(2)
  expect(play('9 12 1', PLAIN).state.peak).toBeNull()
  expect(worse(null, 3, '>')).toBe(3)
  expect(worse(3, null, '<')).toBe(3)
})

test('what a state holds is all that is needed: a restart between any two minutes changes nothing', () => {
  const rule = { ...PLAIN, forMinutes: 2, keepFiringMinutes: 2, repeatMinutes: 5 }
  const { state } = play('9 9', rule)
  expect(JSON.parse(JSON.stringify(state))).toEqual(state)
  expect(initialState(5)).toMatchObject({ phase: 'inactive', sinceMs: 5, episode: 0 })
})
