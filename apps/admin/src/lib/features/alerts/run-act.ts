import { isSignedOut, toProblem } from '#lib/api/problem.ts'
import { reasonText } from '#lib/api/reason-text.ts'
import type { Session } from '#lib/features/session/session.svelte.ts'
import { toast } from '#lib/ui/toast.svelte.ts'

/** Does one act of a button and says how it ended; true where it was done. */
export async function runAct(session: Pick<Session, 'expire'>, act: () => Promise<void>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    const problem = toProblem(error)
    if (isSignedOut(problem)) session.expire()
    toast.failed(reasonText(problem.reason))
    return false
  }
}
