import type { Shape } from './bodies.ts'
import { measure, measureIdleStreams, type Sample } from './measure.ts'
import type { BenchTarget, Stage, TargetName } from './stage.ts'
import { EVENTS } from './upstream/canned-answers.ts'

export const CASES = ['idle', 'json', 'json40', 'stream', 'latency', 'redis', 'keys', 'accounts'] as const
export type CaseName = (typeof CASES)[number]

export interface Effort {
  rounds: number
  /** A target counts as warm after so many answers (a quarter where it has answered before), or when its time is over. */
  warmUpAnswers: number
  warmUpMs: number
  roundMs: number
  idleStreams: number
  handOvers: number
}

export const FULL: Effort = {
  rounds: 5,
  warmUpAnswers: 50_000,
  warmUpMs: 10_000,
  roundMs: 1_200,
  idleStreams: 1_000,
  handOvers: 10_000,
}
export const QUICK: Effort = {
  rounds: 3,
  warmUpAnswers: 6_000,
  warmUpMs: 1_500,
  roundMs: 400,
  idleStreams: 300,
  handOvers: 2_000,
}

const CONNECTIONS = 32
const STREAMS = 100
const OPEN_LOOP_PER_SECOND = 500

/** Each target's sample of every round, in order. */
export type Samples = Map<TargetName, Sample[]>

export interface CaseResult {
  name: CaseName
  samples: Samples
  /** Only in the case `idle`: bytes a stream. */
  idleBytes: Map<TargetName, number>
}

/** Runs one case, the targets taking turns in every round. */
export async function runCase(name: CaseName, stage: Stage, effort: Effort): Promise<CaseResult> {
  switch (name) {
    case 'json':
    case 'json40':
      return inRounds(name, name, stage, effort, { kind: 'closed', connections: CONNECTIONS })
    case 'redis':
      return inRounds(name, 'json', { ...stage, targets: (await stage.shared()) ?? [] }, effort, {
        kind: 'closed',
        connections: CONNECTIONS,
      })
    case 'keys':
    case 'accounts':
      return inRounds(name, 'json', { ...stage, targets: await stage.crowd(name) }, effort, {
        kind: 'closed',
        connections: CONNECTIONS,
      })
    case 'stream':
      return inRounds(name, name, stage, effort, { kind: 'closed', connections: STREAMS })
    case 'latency':
      return inRounds(name, 'json', stage, effort, { kind: 'open', perSecond: OPEN_LOOP_PER_SECOND })
    case 'idle':
      return { name, samples: new Map(), idleBytes: await idleMemory(stage, effort) }
  }
}

type LoopOf = { kind: 'closed'; connections: number } | { kind: 'open'; perSecond: number }

async function inRounds(name: CaseName, shape: Shape, stage: Stage, effort: Effort, loop: LoopOf): Promise<CaseResult> {
  const samples: Samples = new Map(stage.targets.map((target) => [target.name, []]))
  for (const target of stage.targets) await warmUp(stage, target, shape, effort)
  for (let round = 0; round < effort.rounds; round++) {
    for (const target of inTurn(stage.targets, round)) {
      const sample = await measure(stage, target, shape, { ...loop, durationMs: effort.roundMs })
      samples.get(target.name)?.push(sample)
    }
  }
  return { name, samples, idleBytes: new Map() }
}

async function warmUp({ load }: Stage, { target }: BenchTarget, shape: Shape, effort: Effort): Promise<void> {
  const { warmUpAnswers, warmUpMs, roundMs } = effort
  const enough = shape === 'json' ? warmUpAnswers : shape === 'stream' ? warmUpAnswers / EVENTS : warmUpAnswers / 4
  const connections = shape === 'stream' ? STREAMS : CONNECTIONS
  const startedAt = performance.now()
  for (let done = 0; done < enough && performance.now() - startedAt < warmUpMs; ) {
    done += (await load.run({ kind: 'closed', target, shape, connections, durationMs: roundMs })).done
  }
}

/** Nobody is always first. */
function inTurn(targets: BenchTarget[], round: number): BenchTarget[] {
  const from = round % targets.length
  return [...targets.slice(from), ...targets.slice(0, from)]
}

async function idleMemory(stage: Stage, { idleStreams }: Effort): Promise<Map<TargetName, number>> {
  const bytes = new Map<TargetName, number>()
  for (const target of stage.targets) {
    await measureIdleStreams(stage, target, Math.ceil(idleStreams / 20))
    bytes.set(target.name, await measureIdleStreams(stage, target, idleStreams))
  }
  return bytes
}
