import { m } from '#lib/paraglide/messages.js'
import { toast } from '#lib/ui/toast.svelte.ts'
import { isSignedOut, toProblem } from './problem.ts'
import { reasonText } from './reason-text.ts'

interface Signed {
  expire(): void
}

/** Does one act of a button and says how it ended; true where it was done. */
export async function runAct(session: Signed, act: () => Promise<void>): Promise<boolean> {
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

/** What a notice's "Undo" does: the act that takes it back, and a word that it was taken back. */
export function undoing(session: Signed, act: () => Promise<void>): () => Promise<void> {
  return async () => {
    if (await runAct(session, act)) toast.done(m.undone())
  }
}
