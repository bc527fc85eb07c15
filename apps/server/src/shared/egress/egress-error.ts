/** Why an address may not be reached: a closed list, safe to show. */
export type EgressReason =
  | 'invalid_url'
  | 'control_character'
  | 'user_info'
  | 'scheme_not_allowed'
  | 'port_not_allowed'
  | 'special_name'
  | 'private_address'
  | 'name_not_found'
  | 'resolver_timeout'
  | 'resolver_failed'
  | 'peer_mismatch'
  | 'closed'

/** A refusal of the egress guard. The message is the reason: nothing of the address is in it. */
export class EgressError extends Error {
  readonly reason: EgressReason

  constructor(reason: EgressReason, options: { cause?: unknown } = {}) {
    super(`Destination refused: ${reason}`, options)
    this.name = 'EgressError'
    this.reason = reason
  }
}
