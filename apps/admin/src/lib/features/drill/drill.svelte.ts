import type { Api } from '#lib/api/client.ts'
import { type Problem, toProblem } from '#lib/api/problem.ts'
import { openDrillChannels } from './drill-channel.ts'
import { type Evidence, gatherEvidence } from './drill-evidence.ts'
import { type DrillGround, mintKey, openGround } from './drill-ground.ts'
import { type DrillMinutes, type DrillReach, faultsOf, type Sandbox } from './drill-plan.ts'
import { type DrillAnswer, sendDrillRequest } from './drill-request.ts'
import { openDrillRule } from './drill-rule.ts'
import { isDrillOver } from './drill-steps.ts'

/** A drill's whole traffic has a bound in time, in number and at once. */
export const REQUEST_EVERY_MS = 500
export const MAX_REQUESTS = 3_000
const MAX_IN_FLIGHT = 10
const LOOK_EVERY_MS = 3_000

export interface DrillChoice {
  fault: string
  minutes: DrillMinutes
  reach: DrillReach
}

type Phase = 'idle' | 'preparing' | 'failing' | 'recovering' | 'over'

/** One drill at a time; it goes on while other pages are looked at, and ends with the tab. */
export function createDrill(api: Api) {
  let phase = $state<Phase>('idle')
  let problem = $state.raw<Problem | null>(null)
  let evidence = $state.raw<Evidence | null>(null)
  let choice = $state.raw<DrillChoice | null>(null)
  let startedAtMs = $state(0)
  let faultEndedAtMs = $state<number | null>(null)
  let answers = $state.raw({ sent: 0, good: 0, failed: 0, goodInRow: 0, codes: {} as Record<string, number> })
  let ground = $state.raw<(DrillGround & { ruleId: number }) | null>(null)
  let running: { stop: AbortController; keyId: number; timers: ReturnType<typeof setInterval>[] } | null = null
  let inFlight = 0
  let isLooking = false

  async function start(next: DrillChoice, sandbox: Sandbox, userId: number): Promise<void> {
    if (phase === 'preparing' || running) return
    phase = 'preparing'
    problem = null
    evidence = null
    faultEndedAtMs = null
    answers = { sent: 0, good: 0, failed: 0, goodInRow: 0, codes: {} }
    choice = next
    try {
      const opened = await openGround(api, userId)
      const channelIds = sandbox.inbox ? await openDrillChannels(api, sandbox.inbox.url) : []
      ground = { ...opened, ruleId: await openDrillRule(api, { groupId: opened.groupId, channelIds }) }
      const key = await mintKey(api, opened, userId, Date.now())
      startedAtMs = Date.now()
      const stop = new AbortController()
      running = {
        stop,
        keyId: key.id,
        timers: [
          setInterval(() => void send(key.secret, stop.signal), REQUEST_EVERY_MS),
          setInterval(() => void look(stop.signal), LOOK_EVERY_MS),
        ],
      }
      for (const fault of faultsOf(
        next,
        sandbox.kinds.map(({ kind }) => kind),
      ))
        await api.sandbox.setFault.mutate(fault)
      phase = 'failing'
    } catch (error) {
      problem = toProblem(error)
      await end('idle')
    }
  }

  async function send(secret: string, signal: AbortSignal): Promise<void> {
    if (inFlight >= MAX_IN_FLIGHT || answers.sent >= MAX_REQUESTS || phase === 'preparing') return
    inFlight += 1
    answers = { ...answers, sent: answers.sent + 1 }
    const answer = await sendDrillRequest(secret, signal)
    inFlight -= 1
    if (!signal.aborted) answers = counted(answers, answer)
  }

  async function look(signal: AbortSignal): Promise<void> {
    if (isLooking || ground === null || phase === 'preparing') return
    isLooking = true
    try {
      const from = new Date(startedAtMs).toISOString()
      const found = await gatherEvidence(api, { ...ground, from }, signal)
      const hits = Math.max(found.faults.hits, evidence?.faults.hits ?? 0)
      evidence = { ...found, faults: { ...found.faults, hits } }
      problem = null
      await advance()
    } catch (error) {
      // What is shown stays, and says why it does not move; the next look asks again.
      if (!signal.aborted) problem = toProblem(error)
    } finally {
      isLooking = false
    }
  }

  async function advance(): Promise<void> {
    if (phase === 'failing' && evidence?.faults.set === 0) {
      phase = 'recovering'
      faultEndedAtMs = Date.now()
    }
    if (phase !== 'recovering' || faultEndedAtMs === null) return
    const facts = { phase, evidence, goodInRow: answers.goodInRow }
    if (isDrillOver(facts, Date.now() - faultEndedAtMs)) await end('over')
  }

  /** Lifts the faults at once; what follows is watched until callers are served and the alert has gone. */
  async function lift(): Promise<void> {
    try {
      await api.sandbox.clear.mutate()
    } catch (error) {
      problem = toProblem(error)
    }
  }

  async function end(next: 'idle' | 'over'): Promise<void> {
    const ended = running
    running = null
    phase = next
    if (!ended) return
    for (const timer of ended.timers) clearInterval(timer)
    ended.stop.abort()
    try {
      await api.keys.revoke.mutate({ id: ended.keyId })
    } catch (error) {
      // It expires by itself within the hour.
      problem = toProblem(error)
    }
  }

  /** Ends everything at once: faults, traffic, key. */
  async function abandon(): Promise<void> {
    await lift()
    await end('over')
  }

  return {
    start,
    lift,
    abandon,
    get phase() {
      return phase
    },
    get isRunning() {
      return phase === 'failing' || phase === 'recovering'
    },
    get problem() {
      return problem
    },
    get evidence() {
      return evidence
    },
    get choice() {
      return choice
    },
    get answers() {
      return answers
    },
    get ground() {
      return ground
    },
    get startedAtMs() {
      return startedAtMs
    },
  }
}

export type Drill = ReturnType<typeof createDrill>

interface Answers {
  sent: number
  good: number
  failed: number
  goodInRow: number
  codes: Record<string, number>
}

function counted(answers: Answers, answer: DrillAnswer): Answers {
  if (answer.isOk) return { ...answers, good: answers.good + 1, goodInRow: answers.goodInRow + 1 }
  const name = answer.code ?? String(answer.status ?? 'unreachable')
  const codes = { ...answers.codes, [name]: (answers.codes[name] ?? 0) + 1 }
  return { ...answers, failed: answers.failed + 1, goodInRow: 0, codes }
}
