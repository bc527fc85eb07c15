import { describe, expect, it } from 'vitest'
import { decideSending, type Sending, silences } from './send-decision.ts'

const SENDING: Sending = {
  kind: 'firing',
  severity: 'warning',
  ruleId: 7,
  labels: { group: '1', model: 'm' },
  event: { isFiring: true, isAcknowledged: false },
  channel: { enabled: true, minSeverity: 'info', hourlyLimit: 60 },
  silences: [],
  sentLastHour: 0,
  told: { hasLeft: false, isOnItsWay: false },
}
const SILENCE = { id: 3, kind: 'silence', ruleId: null, severities: [], labels: {} } as const
const OVER = { isFiring: false, isAcknowledged: false }
const RESOLVED = { kind: 'resolved', event: OVER } as const
const TOLD = { hasLeft: true, isOnItsWay: false }

describe('decideSending', () => {
  it.each<[string, Partial<Sending>, object]>([
    ['sends what fires', {}, { act: 'send' }],
    ['sends nothing of an episode that is over', { event: OVER }, { act: 'supersede' }],
    ['repeats nothing that is over', { kind: 'repeat', event: OVER }, { act: 'supersede' }],
    ['tells of the end whoever was told of the beginning', { ...RESOLVED, told: TOLD }, { act: 'send' }],
    ['tells nobody else of the end', RESOLVED, { act: 'supersede' }],
    ['waits with the end for the beginning', { ...RESOLVED, told: { ...TOLD, isOnItsWay: true } }, { act: 'wait' }],
    [
      'mutes what is less severe than the channel wants',
      { channel: { ...SENDING.channel, minSeverity: 'critical' } },
      { reason: 'severity' },
    ],
    ['sends what is as severe', { channel: { ...SENDING.channel, minSeverity: 'warning' } }, { act: 'send' }],
    [
      'mutes all by a channel that is off',
      { kind: 'digest', channel: { ...SENDING.channel, enabled: false } },
      { reason: 'channel_disabled' },
    ],
    [
      'mutes by a silence, and says by which',
      { silences: [SILENCE] },
      { act: 'mute', reason: 'silence', silenceId: 3 },
    ],
    ['mutes by maintenance', { silences: [{ ...SILENCE, kind: 'maintenance' }] }, { reason: 'maintenance' }],
    ['mutes the end too', { ...RESOLVED, told: TOLD, silences: [SILENCE] }, { reason: 'silence' }],
    [
      'mutes what somebody has acknowledged',
      { kind: 'repeat', event: { isFiring: true, isAcknowledged: true } },
      { reason: 'acknowledged' },
    ],
    [
      'tells of the end of what was acknowledged',
      { ...RESOLVED, told: TOLD, event: { isFiring: false, isAcknowledged: true } },
      { act: 'send' },
    ],
    ['sends the last one of the hour', { sentLastHour: 59 }, { act: 'send' }],
    ['counts what is beyond in the digest', { sentLastHour: 60 }, { act: 'digest' }],
    [
      'sends the digest itself',
      { kind: 'digest', event: null, sentLastHour: 60, silences: [SILENCE] },
      { act: 'send' },
    ],
    ['tells of a rule that cannot be evaluated', { kind: 'meta', event: null }, { act: 'send' }],
  ])('%s', (_rule, changes, expected) => {
    expect(decideSending({ ...SENDING, ...changes })).toMatchObject(expected)
  })
})

describe('a silence', () => {
  it.each([
    ['of nothing mutes everything', {}, true],
    ['of the rule', { ruleId: 7 }, true],
    ['of another rule', { ruleId: 8 }, false],
    ['of the severity', { severities: ['warning' as const] }, true],
    ['of other severities', { severities: ['critical' as const, 'info' as const] }, false],
    ['of one of its labels', { labels: { group: '1' } }, true],
    ['of another value', { labels: { group: '2' } }, false],
    ['of a label it has not', { labels: { account: '1' } }, false],
    ['of a name every object has', { labels: { toString: '1' } }, false],
    ['of all and one that is not so', { ruleId: 7, labels: { group: '1', model: 'n' } }, false],
  ])('%s', (_what, changes, isMuted) => {
    expect(silences({ ...SILENCE, ...changes }, SENDING)).toBe(isMuted)
  })
})
