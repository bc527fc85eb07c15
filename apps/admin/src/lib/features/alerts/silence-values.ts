import type { silenceCreate } from '@turnpike/core/inputs/alert-silences'
import type { AlertSeverity, SilenceKind } from '@turnpike/core/ops/words'
import type { z } from 'zod'
import { fromLocalInput, toLocalInput } from '#lib/format/time.ts'
import { parseWhole } from '#lib/forms/lines.ts'
import type { Silence } from './alert-types.ts'
import { parseLabels, printLabels } from './label-lines.ts'

/** A silence as the form holds it. */
export interface SilenceValues {
  kind: SilenceKind
  /** Empty = every rule. */
  ruleId: string
  severities: AlertSeverity[]
  labels: string
  /** As `datetime-local` fields have them; no start = now. */
  startsAt: string
  endsAt: string
  reason: string
}

const DEFAULT_SPAN_MS = 3_600_000

export function newSilence({
  ruleId,
  labels,
  nowMs,
}: {
  ruleId: number | null
  labels: Record<string, string>
  nowMs: number
}): SilenceValues {
  return {
    kind: 'silence',
    ruleId: ruleId === null ? '' : String(ruleId),
    severities: [],
    labels: printLabels(labels),
    startsAt: '',
    endsAt: toLocalInput(new Date(nowMs + DEFAULT_SPAN_MS).toISOString()),
    reason: '',
  }
}

export function silenceInput(values: SilenceValues): z.input<typeof silenceCreate> {
  const startsAt = fromLocalInput(values.startsAt)
  return {
    kind: values.kind,
    ruleId: parseWhole(values.ruleId, null),
    severities: values.severities,
    labels: parseLabels(values.labels),
    ...(startsAt === null ? {} : { startsAt }),
    endsAt: fromLocalInput(values.endsAt) ?? '',
    reason: values.reason,
  }
}

/** The like of one that was ended too early: for what is left of its time. */
export function silenceAgain(
  silence: Pick<Silence, 'kind' | 'ruleId' | 'severities' | 'labels' | 'startsAt' | 'endsAt' | 'reason' | 'status'>,
): z.input<typeof silenceCreate> {
  const { kind, ruleId, severities, labels, startsAt, endsAt, reason, status } = silence
  return { kind, ruleId, severities, labels, endsAt, reason, ...(status === 'pending' ? { startsAt } : {}) }
}
