import type { AlertSeverity } from '../ops/words.ts'
import type { Labels } from './notice.ts'
import type { Rule } from './rule.ts'

/** What is judged for a rule: its value over each window, of which the mildest counts. */
export interface RulePart {
  /** Beside those of the series. */
  labels: Labels
  severity: AlertSeverity
  threshold: number
  recoveryThreshold: number
  /** Minutes; more than one: all must be beyond the threshold. */
  windows: readonly [number, ...number[]]
}

/** Long and short window of each speed at which a budget burns (alerts.md, "Rule"): the short one ends it in time. */
const BURN_RATES = [
  { rate: 14.4, windows: [60, 5], severity: 'critical' },
  { rate: 6, windows: [360, 30], severity: 'critical' },
  { rate: 1, windows: [4_320, 360], severity: 'warning' },
] as const

/** An ordinary rule is one part; a burn-rate rule one for each speed. */
export function partsOf(
  rule: Pick<Rule, 'slo' | 'severity' | 'threshold' | 'recoveryThreshold' | 'windowMinutes'>,
): [RulePart, ...RulePart[]] {
  const { slo, severity, threshold, recoveryThreshold, windowMinutes } = rule
  if (slo === null) return [{ labels: {}, severity, threshold, recoveryThreshold, windows: [windowMinutes] }]
  const [fastest, ...slower] = BURN_RATES
  return [burning(fastest, threshold), ...slower.map((burn) => burning(burn, threshold))]
}

function burning({ rate, windows, severity }: (typeof BURN_RATES)[number], budget: number): RulePart {
  const threshold = Math.min(Math.round(rate * budget * 1e6) / 1e6, 100)
  return { labels: { burn: `${rate}x` }, severity, threshold, recoveryThreshold: threshold, windows }
}
