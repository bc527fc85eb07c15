import type { RouterOutputs } from '@turnpike/client'

export type AlertEvent = RouterOutputs['alerts']['events']['list']['items'][number]
export type AlertEventDetail = RouterOutputs['alerts']['events']['get']
export type Rule = RouterOutputs['alerts']['rules']['get']
export type Preview = RouterOutputs['alerts']['rules']['preview']
export type Silence = RouterOutputs['alerts']['silences']['list']['items'][number]
export type Channel = RouterOutputs['alerts']['channels']['get']
export type Delivery = RouterOutputs['alerts']['deliveries']['list']['items'][number]
