import type { RouterOutputs } from '@turnpike/client'
import type { ErrorOwner, ErrorPhase, ErrorSeverity, ErrorSource } from '@turnpike/core/ops/words'
import { m } from '#lib/paraglide/messages.js'
import type { Tone } from '#lib/ui/tone.ts'

/** A row of the errors page. */
export type ErrorItem = RouterOutputs['ops']['errors']['list']['items'][number]

const OWNERS: Record<string, () => string> = {
  client: m.owner_client,
  business: m.owner_business,
  provider: m.owner_provider,
  platform: m.owner_platform,
} satisfies Record<ErrorOwner, () => string>

const PHASES = {
  auth: m.phase_auth,
  admission: m.phase_admission,
  billing: m.phase_billing,
  scheduling: m.phase_scheduling,
  network: m.phase_network,
  upstream: m.phase_upstream,
  response: m.phase_response,
  internal: m.phase_internal,
} satisfies Record<ErrorPhase, () => string>

const SOURCES = {
  request: m.error_source_request,
  refusal: m.error_source_refusal,
  attempt: m.error_source_attempt,
  server: m.error_source_server,
} satisfies Record<ErrorSource, () => string>

const SEVERITY_TONES = { P0: 'bad', P1: 'bad', P2: 'warn', P3: 'neutral' } satisfies Record<ErrorSeverity, Tone>

/** Empty where nobody's. */
export function ownerText(owner: string | null): string {
  return (owner === null ? undefined : OWNERS[owner])?.() ?? ''
}

export function phaseText(phase: ErrorPhase): string {
  return PHASES[phase]()
}

export function sourceText(source: ErrorSource): string {
  return SOURCES[source]()
}

export function severityTone(severity: ErrorSeverity): Tone {
  return SEVERITY_TONES[severity]
}
