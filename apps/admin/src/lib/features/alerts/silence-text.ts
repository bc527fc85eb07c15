import type { SilenceStatus } from '@turnpike/core/alerts/words'
import type { SilenceKind } from '@turnpike/core/ops/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

const KINDS = {
  silence: m.silence_kind_silence,
  maintenance: m.silence_kind_maintenance,
} satisfies Record<SilenceKind, () => string>

const STATUSES = {
  pending: { tone: 'info', text: m.silence_pending },
  active: { tone: 'warn', text: m.silence_active },
  ended: { tone: 'neutral', text: m.silence_ended },
} satisfies Record<SilenceStatus, Look>

export function silenceKindText(kind: SilenceKind): string {
  return KINDS[kind]()
}

export function silenceLook(status: SilenceStatus): Look {
  return STATUSES[status]
}
