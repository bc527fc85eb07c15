import { once } from 'node:events'
import { startChild } from '../child.ts'
import type { LoadResult, Work } from './work.ts'

const MARGIN_MS = 40_000

export interface Load extends AsyncDisposable {
  /** One piece of work after another. */
  run(work: Work): Promise<LoadResult>
}

/** The process that makes requests. */
export function startLoad(): Load {
  const child = startChild('./load/main.ts')
  return {
    async run(work) {
      const durationMs = 'durationMs' in work ? work.durationMs : 0
      const answered = once(child.process, 'message', { signal: AbortSignal.timeout(durationMs + MARGIN_MS) })
      child.process.send(work)
      const [message] = await answered
      const { result, error }: { result?: LoadResult; error?: string } = Object(message)
      if (result === undefined) throw new Error(`The load failed: ${error}`)
      return result
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
