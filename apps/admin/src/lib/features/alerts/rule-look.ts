import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'
import type { Rule } from './alert-types.ts'

/** How a rule stands: what cannot be judged is worse than what fires, because nobody would know. */
export function ruleLook({
  enabled,
  failures,
  firing,
  phase,
}: Pick<Rule, 'enabled' | 'failures' | 'firing' | 'phase'>): Look {
  if (!enabled) return { tone: 'neutral', text: m.rule_off }
  if (failures > 0) return { tone: 'bad', text: m.rule_cannot_evaluate }
  if (firing > 0) return { tone: 'bad', text: () => m.rule_firing_count({ count: format.count(firing) }) }
  return phase === 'pending' ? { tone: 'warn', text: m.rule_pending } : { tone: 'ok', text: m.rule_watching }
}
