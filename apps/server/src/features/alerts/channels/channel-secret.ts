import { randomBytes } from 'node:crypto'
import type { SecretBox, SecretPlace } from '../../../shared/secret-box.ts'
import { OWN_SECRET } from '../delivery/send-webhook.ts'

const SECRET_BYTES = 32

/** A signing secret of Standard Webhooks. */
export function newSigningSecret(): string {
  return `${OWN_SECRET}${randomBytes(SECRET_BYTES).toString('base64')}`
}

export function sealChannelSecret(box: SecretBox, channelId: number, secret: string): string {
  return box.seal(secret, place(channelId))
}

export function openChannelSecret(box: SecretBox, channelId: number, sealed: string): string {
  return box.open(sealed, place(channelId))
}

function place(row: number): SecretPlace {
  return { table: 'alert_channels', column: 'secret_sealed', row }
}
