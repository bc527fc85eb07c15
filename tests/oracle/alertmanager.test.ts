import { decideSending } from '@turnpike/core/alerts/send-decision'
import { initialState, type TransitionRule, transition } from '@turnpike/core/alerts/transition'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN } from '../../packages/core/src/alerts/__fixtures__/play.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Alertmanager, alertmanagerProgram, startAlertmanager } from './alertmanager.ts'

/** A second there is a minute here. */
const REPEAT = 5
const NEVER = 86_400
const LONG_WAIT = 10
const MINUTE_MS = 60_000
/** For what hangs. */
const PATIENCE_MS = 120_000
const QUICK = { groupWait: 1, groupInterval: 1 }
const BREACH = 9
const CLEAR = 1

let alertmanager: Alertmanager
beforeAll(async () => {
  if (alertmanagerProgram === null) return
  alertmanager = await startAlertmanager({
    repeating: { ...QUICK, repeatInterval: REPEAT },
    quiet: { ...QUICK, repeatInterval: NEVER },
    returning: { ...QUICK, repeatInterval: NEVER },
    brief: { groupWait: LONG_WAIT, groupInterval: LONG_WAIT, repeatInterval: NEVER },
    later: { groupWait: LONG_WAIT, groupInterval: LONG_WAIT, repeatInterval: NEVER },
  })
})
afterAll(() => alertmanager?.[Symbol.asyncDispose]())

/** What Alertmanager sent, in our words: it calls a beginning and its repeats by one name. */
function theirs(name: string): string[] {
  const told = alertmanager.told(name)
  return told.map(({ status }, nth) => (status === 'firing' && told[nth - 1]?.status === 'firing' ? 'repeat' : status))
}

/** What we tell of a series, and the minutes at which we do. */
function ours(values: readonly number[], rule: Partial<TransitionRule>): { kinds: string[]; minutes: number[] } {
  const kinds: string[] = []
  const minutes: number[] = []
  let state = initialState(0)
  for (const [minute, value] of values.entries()) {
    const step = transition(state, value, minute * MINUTE_MS, { ...PLAIN, ...rule })
    state = step.next
    for (const { kind } of step.notices) {
      kinds.push(kind)
      minutes.push(minute)
    }
  }
  return { kinds, minutes }
}

async function until(name: string, count: number): Promise<void> {
  await waitFor(`${count} messages of ${name}`, () => alertmanager.told(name).length >= count, PATIENCE_MS)
}

describe.skipIf(alertmanagerProgram === null).concurrent('beside Alertmanager', () => {
  test('one message of the beginning, repeats no sooner than asked for, one message of the end', async () => {
    await alertmanager.fire('repeating')
    await until('repeating', 4)
    await alertmanager.end('repeating')
    await waitFor('the end', () => alertmanager.told('repeating').at(-1)?.status === 'resolved', PATIENCE_MS)

    // A machine that was slow to end it had one repeat more.
    const repeats = theirs('repeating').filter((kind) => kind === 'repeat').length
    const { kinds, minutes } = ours([...Array(repeats * REPEAT + 1).fill(BREACH), CLEAR], { repeatMinutes: REPEAT })
    expect(kinds).toEqual(theirs('repeating'))
    expect(kinds.slice(0, 4)).toEqual(['firing', 'repeat', 'repeat', 'repeat'])
    const gaps = alertmanager.told('repeating').map(({ atMs }, nth, all) => atMs - (all[nth - 1]?.atMs ?? 0))
    for (const gap of gaps.slice(1, -1)) expect(gap).toBeGreaterThan(REPEAT * 1_000 - 100)
    const ourGaps = minutes.map((minute, nth) => minute - (minutes[nth - 1] ?? 0)).slice(1, -1)
    expect(new Set(ourGaps)).toEqual(new Set([REPEAT]))
  })

  test('without repeats the beginning and the end are all that is told', async () => {
    await alertmanager.fire('quiet')
    await until('quiet', 1)
    // As long as another one needs to repeat twice.
    await until('repeating', 3)
    await alertmanager.end('quiet')
    await until('quiet', 2)
    expect(theirs('quiet')).toEqual(['firing', 'resolved'])
    expect(ours([...Array(60).fill(BREACH), CLEAR], {}).kinds).toEqual(theirs('quiet'))
  })

  test('what comes back is told of anew, each time with its end', async () => {
    for (let nth = 0; nth < 2; nth += 1) {
      await alertmanager.fire('returning')
      await until('returning', nth * 2 + 1)
      await alertmanager.end('returning')
      await until('returning', nth * 2 + 2)
    }
    expect(theirs('returning')).toEqual(['firing', 'resolved', 'firing', 'resolved'])
    expect(ours([BREACH, CLEAR, BREACH, CLEAR], {}).kinds).toEqual(theirs('returning'))
  })

  test('what is over before its first message left is not told at all', async () => {
    await alertmanager.fire('brief')
    await alertmanager.end('brief')
    // It waits as long and began later: when it is told, the turn of the other one is over.
    await alertmanager.fire('later')
    await until('later', 1)
    expect(theirs('brief')).toEqual([])
    for (const kind of ['firing', 'resolved'] as const) {
      const decision = decideSending({
        kind,
        severity: 'warning',
        ruleId: 1,
        labels: {},
        event: { isFiring: false, isAcknowledged: false },
        channel: { enabled: true, minSeverity: 'info', hourlyLimit: 10 },
        silences: [],
        sentLastHour: 0,
        told: { hasLeft: false, isOnItsWay: false },
      })
      expect(decision).toEqual({ act: 'supersede' })
    }
  })
})
