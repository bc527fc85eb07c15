import type { RedeemKind } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'
import type { RedeemCode } from './redeem-values.ts'

const KIND_TEXTS = { balance: m.redeem_kind_balance, subscription: m.redeem_kind_subscription } satisfies Record<
  RedeemKind,
  () => string
>

export function redeemKindText(kind: RedeemKind): string {
  return KIND_TEXTS[kind]()
}

export const REDEEM_STATUSES = ['open', 'redeemed', 'expired'] as const satisfies readonly RedeemCode['status'][]

const STATUS_LOOKS = {
  open: { tone: 'ok', text: m.redeem_open },
  redeemed: { tone: 'info', text: m.redeem_redeemed },
  expired: { tone: 'neutral', text: m.status_expired },
} satisfies Record<RedeemCode['status'], Look>

export function redeemStatusLook(status: RedeemCode['status']): Look {
  return STATUS_LOOKS[status]
}
