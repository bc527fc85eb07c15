import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Shape } from './bodies.ts'
import { openInspector } from './inspector.ts'
import type { BenchTarget, Stage } from './stage.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const WARM_UP_MS = 15_000
const PROFILED_MS = 6_000
const SAMPLE_EVERY_MICROS = 150
const SHOWN = 45

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

/** Where a relay's first thread spends its time while it answers: the functions with the most time of their own. */
export async function profileOf(bench: BenchTarget, { load }: Stage, shape: Shape, directory: string): Promise<string> {
  const { name, target, inspected } = bench
  if (inspected === null) throw new Error(`${name} is no Node process`)
  const connections = shape === 'stream' ? 100 : 32
  await load.run({ kind: 'closed', target, shape, connections, durationMs: WARM_UP_MS })
  using inspector = await openInspector(inspected)
  await inspector.call('Profiler.enable')
  await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROS })
  await inspector.call('Profiler.start')
  const { done } = await load.run({ kind: 'closed', target, shape, connections, durationMs: PROFILED_MS })
  const { profile } = Object(await inspector.call('Profiler.stop'))
  await mkdir(directory, { recursive: true })
  const path = join(directory, `${name}-${shape}.cpuprofile`)
  await writeFile(path, JSON.stringify(profile))
  return `${topOf(profile, done)}\n\n  Whole profile: ${path}`
}

function topOf({ nodes, samples, timeDeltas }: CpuProfile, requests: number): string {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]))
  const micros = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const place = places.get(id) ?? '?'
    micros.set(place, (micros.get(place) ?? 0) + (timeDeltas[index] ?? 0))
  }
  const top = [...micros].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN)
  return [
    `  ${requests} requests; µs of its own a request (sampling adds to them)`,
    ...top.map(([place, own]) => `  ${(own / requests).toFixed(2).padStart(8)}  ${place}`),
  ].join('\n')
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const file = url.startsWith('file:') ? fileURLToPath(url).replace(ROOT, '') : url
  return `${functionName || '(anonymous)'}  ${file === '' ? '' : `${file}:${lineNumber + 1}`}`
}
