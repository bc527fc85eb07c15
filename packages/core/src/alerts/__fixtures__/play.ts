import { type AlertState, initialState, type Transition, type TransitionRule, transition } from '../transition.ts'

const MINUTE_MS = 60_000

/** More than 5 at once fires, and ends as soon as it is not. Nothing repeats. */
export const PLAIN: TransitionRule = {
  operator: '>',
  threshold: 5,
  recoveryThreshold: 5,
  forMinutes: 0,
  keepFiringMinutes: 0,
  noData: 'ok',
  repeatMinutes: 0,
  cooldownMinutes: 0,
}

/** Values of a series: `9*3` is three minutes of 9, `-` no data, `.` a minute that nobody judged. */
export function minutesOf(series: string): (number | null | undefined)[] {
  return series.split(' ').flatMap((word) => {
    const [what = '', times = '1'] = word.split('*')
    const value = what === '.' ? undefined : what === '-' ? null : Number(what)
    return Array.from({ length: Number(times) }, () => value)
  })
}

/** What a series tells, minute by minute: `2+!1` begins and says so in message 1, `~2` repeats, `9-recovered^3` ends. */
export function told(series: string, rule: Partial<TransitionRule>, startMs = 0): string {
  return play(series, { ...PLAIN, ...rule }, startMs).words.join(' ')
}

export function play(series: string, rule: TransitionRule, startMs = 0): { words: string[]; state: AlertState } {
  let state = initialState(startMs)
  const words: string[] = []
  for (const [minute, value] of minutesOf(series).entries()) {
    if (value === undefined) continue
    const step = transition(state, value, startMs + minute * MINUTE_MS, rule)
    const word = wordOf(step)
    if (word !== '') words.push(`${minute}${word}`)
    state = step.next
  }
  return { words, state }
}

const SIGNS = { firing: '!', repeat: '~', resolved: '^' } as const

export function wordOf({ begins, ends, notices }: Omit<Transition, 'next'>): string {
  const messages = notices.map(({ kind, sequence }) => `${SIGNS[kind]}${sequence}`).join('')
  return `${begins ? '+' : ''}${ends === null ? '' : `-${ends}`}${messages}`
}
