import type { RouterInputs } from '@turnpike/client'
import type { Api } from '#lib/api/client.ts'
import { type Problem, toProblem } from '#lib/api/problem.ts'
import type { Preview } from './alert-types.ts'

type PreviewInput = RouterInputs['alerts']['rules']['preview']

/** Typing pauses for so long before the server is asked. */
const PAUSE_MS = 400

/** A back-test of what `input` says, asked for again after every change; the last answer stays until the next is there. */
export function createPreview(api: Api, input: () => PreviewInput | null) {
  let data = $state.raw<Preview | null>(null)
  let problem = $state.raw<Problem | null>(null)
  let isLoading = $state(false)
  // A new object that says the same is no change.
  const asked = $derived(JSON.stringify(input()))

  $effect(() => {
    const question: PreviewInput | null = JSON.parse(asked)
    if (question === null) return
    const leaving = new AbortController()
    isLoading = true
    const timer = setTimeout(() => void ask(question, leaving.signal), PAUSE_MS)
    return () => {
      clearTimeout(timer)
      leaving.abort()
    }
  })

  async function ask(question: PreviewInput, signal: AbortSignal): Promise<void> {
    try {
      const answer = await api.alerts.rules.preview.query(question, { signal })
      if (signal.aborted) return
      data = answer
      problem = null
    } catch (error) {
      if (signal.aborted) return
      problem = toProblem(error)
    }
    isLoading = false
  }

  return {
    get data() {
      return data
    },
    get problem() {
      return problem
    },
    get isLoading() {
      return isLoading
    },
  }
}
