import { backtest } from '@turnpike/core/alerts/backtest'
import type { Labels } from '@turnpike/core/alerts/notice'
import { worse } from '@turnpike/core/alerts/transition'
import type { AlertRulePreview, PreviewRange } from '@turnpike/core/inputs/alert-rules'
import type { AlertOperator } from '@turnpike/core/ops/words'
import type { Sql } from 'postgres'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { readHistory } from '../evaluation/read-history.ts'
import type { CountsSource } from '../evaluation/read-requests.ts'

const MINUTE_MS = 60_000
const RANGE_MINUTES: Readonly<Record<PreviewRange, number>> = { '24h': 1_440, '7d': 10_080, '30d': 43_200 }
/** Lines that are drawn: those that would have fired, then the others; and what a line has room for. */
export const MAX_LINES = 20
export const MAX_POINTS = 720
const MAX_EPISODES = 500
const WATERMARK_MS = 15_000

/** When a rule would have fired (alerts.md, "Back-test"). */
export interface Preview {
  series: { labels: Labels; points: [at: string, value: number | null][] }[]
  /** Newest first. */
  episodes: {
    labels: Labels
    firedAt: string
    /** Null = it would still fire. */
    resolvedAt: string | null
    peak: number | null
    minutes: number
  }[]
  minutesFiring: number
}

/** Judges the past by the very functions that judge the present. */
export function createPreview({ sql, source, clock }: { sql: Sql; source: CountsSource; clock: WallClock }) {
  return async function preview({ rule, range }: AlertRulePreview): Promise<Preview> {
    const toMs = Math.floor((clock.now() - WATERMARK_MS) / MINUTE_MS) * MINUTE_MS
    const span = { fromMs: toMs - RANGE_MINUTES[range] * MINUTE_MS, toMs }
    const lines = (await readHistory(sql, source, rule, span)).map(({ labels, part, points }) => {
      const { threshold, recoveryThreshold } = part
      return { labels, points, episodes: backtest(points, { ...rule, threshold, recoveryThreshold }) }
    })
    const drawn = lines.toSorted((a, b) => b.episodes.length - a.episodes.length).slice(0, MAX_LINES)
    const episodes = lines.flatMap(({ labels, episodes: own }) => own.map((episode) => ({ labels, ...episode })))
    return {
      series: drawn.map(({ labels, points }) => ({ labels, points: thinned(points, rule.operator) })),
      episodes: episodes
        .toSorted((a, b) => b.firedMs - a.firedMs)
        .slice(0, MAX_EPISODES)
        .map(({ labels, firedMs, resolvedMs, peak, minutes }) => ({
          labels,
          firedAt: new Date(firedMs).toISOString(),
          resolvedAt: resolvedMs === null ? null : new Date(resolvedMs).toISOString(),
          peak,
          minutes,
        })),
      minutesFiring: episodes.reduce((sum, { minutes }) => sum + minutes, 0),
    }
  }
}

/** Of minutes that share a point the worst is drawn: a breach is never thinned away. */
function thinned(
  points: readonly (readonly [number, number | null])[],
  operator: AlertOperator,
): [at: string, value: number | null][] {
  const size = Math.ceil(points.length / MAX_POINTS)
  const thin: [string, number | null][] = []
  for (let from = 0; from < points.length; from += size) {
    const chunk = points.slice(from, from + size)
    const [at = 0] = chunk.at(-1) ?? []
    const value = chunk.reduce<number | null>((worst, [, own]) => worse(worst, own, operator), null)
    thin.push([new Date(at).toISOString(), value])
  }
  return thin
}
