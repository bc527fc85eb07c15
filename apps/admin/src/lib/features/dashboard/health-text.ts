import type { RouterOutputs } from '@turnpike/client'
import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import type { Tone } from '#lib/ui/tone.ts'

type Health = RouterOutputs['ops']['overview']['health']
type PartName = Health['parts'][number]['name']

const PARTS = {
  availability: { name: m.health_availability, write: format.percent },
  upstream_errors: { name: m.health_upstream_errors, write: format.percent },
  gateway_ms: { name: m.health_gateway_ms, write: format.ms },
  ttft: { name: m.health_ttft, write: format.ms },
  resources: { name: m.health_resources, write: format.percent },
} satisfies Record<PartName, { name: () => string; write: (value: number) => string }>

const HEALTHY = 90
const FAIR = 70

export function partName(name: PartName): string {
  return PARTS[name].name()
}

/** The value a part was judged by; null = there was none. Above a hundred percent something is down, which `why` names. */
export function partValue({ name, value, why }: Health['parts'][number]): string | null {
  if (value === null) return null
  if (name === 'resources' && value > 100) return why
  return PARTS[name].write(value)
}

/** An idle system is not in trouble. */
export function healthLook({ score, state }: Pick<Health, 'score' | 'state'>): { tone: Tone; text: string } {
  if (state === 'no_data') return { tone: 'neutral', text: m.health_no_data() }
  if (score >= HEALTHY)
    return { tone: state === 'idle' ? 'info' : 'ok', text: state === 'idle' ? m.health_idle() : m.health_ok() }
  return score >= FAIR ? { tone: 'warn', text: m.health_fair() } : { tone: 'bad', text: m.health_bad() }
}
