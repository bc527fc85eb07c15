import type { RouterOutputs } from '@turnpike/client'
import type { groupCreate, groupUpdate } from '@turnpike/core/inputs/groups'
import type { BillingMode, InstructionMode, OnBusy, OnDisconnect, Stickiness } from '@turnpike/core/words'
import type { z } from 'zod'
import { changed } from '#lib/forms/changed.ts'
import { orNull, parseLines, parseWhole } from '#lib/forms/lines.ts'

export type Group = RouterOutputs['groups']['get']

/** A group as the form holds it: numbers and lists as text. */
export interface GroupValues {
  name: string
  isActive: boolean
  billing: BillingMode
  rateMultiplier: string
  exclusive: boolean
  models: string
  requestsPerMinute: string
  tokensPerMinute: string
  onBusy: OnBusy
  onDisconnect: OnDisconnect
  stickiness: Stickiness
  maxAccountSwitches: string
  assumedOutputTokens: string
  instructionsMode: InstructionMode
  instructionsText: string
  limitDay: string
  limitWeek: string
  limitMonth: string
  validityDays: string
  connectMs: string
  firstByteMs: string
  idleMs: string
  totalMs: string
}

/** What a new group begins with; the server's own defaults, shown so that they can be changed. */
const NEW_GROUP: GroupValues = {
  name: '',
  isActive: true,
  billing: 'none',
  rateMultiplier: '1',
  exclusive: false,
  models: '',
  requestsPerMinute: '',
  tokensPerMinute: '',
  onBusy: 'wait',
  onDisconnect: 'cancel',
  stickiness: 'session',
  maxAccountSwitches: '3',
  assumedOutputTokens: '4096',
  instructionsMode: 'off',
  instructionsText: '',
  limitDay: '',
  limitWeek: '',
  limitMonth: '',
  validityDays: '',
  connectMs: '5000',
  firstByteMs: '300000',
  idleMs: '180000',
  totalMs: '1800000',
}

export function valuesOfGroup(group: Group | null): GroupValues {
  if (group === null) return { ...NEW_GROUP }
  return {
    name: group.name,
    isActive: group.status !== 'disabled',
    billing: group.billing,
    rateMultiplier: group.rateMultiplier,
    exclusive: group.exclusive,
    models: group.models.join('\n'),
    requestsPerMinute: text(group.requestsPerMinute),
    tokensPerMinute: text(group.tokensPerMinute),
    onBusy: group.onBusy,
    onDisconnect: group.onDisconnect,
    stickiness: group.stickiness,
    maxAccountSwitches: text(group.maxAccountSwitches),
    assumedOutputTokens: text(group.assumedOutputTokens),
    instructionsMode: group.instructions.mode,
    instructionsText: group.instructions.text,
    limitDay: group.limits.day ?? '',
    limitWeek: group.limits.week ?? '',
    limitMonth: group.limits.month ?? '',
    validityDays: text(group.validityDays),
    connectMs: text(group.timeouts.connectMs),
    firstByteMs: text(group.timeouts.firstByteMs),
    idleMs: text(group.timeouts.idleMs),
    totalMs: text(group.timeouts.totalMs),
  }
}

export function groupCreateInput(values: GroupValues): z.input<typeof groupCreate> {
  return members(values)
}

/** Only what was changed since the form was opened. */
export function groupUpdateInput(group: Group, values: GroupValues): z.input<typeof groupUpdate> {
  const status = values.isActive ? ('active' as const) : ('disabled' as const)
  return {
    id: group.id,
    ...changed(members(valuesOfGroup(group)), members(values)),
    ...(status === group.status ? {} : { status }),
  }
}

function members(values: GroupValues) {
  return {
    name: values.name,
    billing: values.billing,
    rateMultiplier: values.rateMultiplier.trim(),
    exclusive: values.exclusive,
    models: parseLines(values.models),
    requestsPerMinute: parseWhole(values.requestsPerMinute, null),
    tokensPerMinute: parseWhole(values.tokensPerMinute, null),
    onBusy: values.onBusy,
    onDisconnect: values.onDisconnect,
    stickiness: values.stickiness,
    maxAccountSwitches: parseWhole(values.maxAccountSwitches, Number.NaN),
    assumedOutputTokens: parseWhole(values.assumedOutputTokens, Number.NaN),
    instructions: { mode: values.instructionsMode, text: values.instructionsText },
    limits: { day: orNull(values.limitDay), week: orNull(values.limitWeek), month: orNull(values.limitMonth) },
    validityDays: parseWhole(values.validityDays, null),
    timeouts: {
      connectMs: parseWhole(values.connectMs, Number.NaN),
      firstByteMs: parseWhole(values.firstByteMs, Number.NaN),
      idleMs: parseWhole(values.idleMs, Number.NaN),
      totalMs: parseWhole(values.totalMs, Number.NaN),
    },
  }
}

function text(value: number | null): string {
  return value === null ? '' : String(value)
}
