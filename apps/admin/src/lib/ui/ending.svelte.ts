import { isSignedOut, toProblem } from '#lib/api/problem.ts'
import { reasonText } from '#lib/api/reason-text.ts'
import { getApp } from '#lib/app-context.ts'

/** An act that must be confirmed: what it is about, whether it runs, and why it was refused. */
export function createEnding<T extends object>(act: (subject: T) => Promise<void>) {
  const { session } = getApp()
  let subject = $state.raw<T | null>(null)
  let isBusy = $state(false)
  let reason = $state<string | null>(null)

  return {
    get subject() {
      return subject
    },
    get isBusy() {
      return isBusy
    },
    /** In the page's language. */
    get error() {
      return reason === null ? null : reasonText(reason)
    },
    ask(next: T): void {
      subject = next
      reason = null
    },
    forget(): void {
      subject = null
    },
    async confirm(): Promise<void> {
      if (subject === null || isBusy) return
      isBusy = true
      try {
        await act(subject)
        subject = null
      } catch (error) {
        const problem = toProblem(error)
        if (isSignedOut(problem)) session.expire()
        reason = problem.reason
      } finally {
        isBusy = false
      }
    },
  }
}
