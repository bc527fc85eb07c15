import { isSignedOut, toProblem } from '#lib/api/problem.ts'
import { reasonText } from '#lib/api/reason-text.ts'
import { undoing } from '#lib/api/run-act.ts'
import { getApp } from '#lib/app-context.ts'
import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import { toast } from '#lib/ui/toast.svelte.ts'
import type { Account } from './account-state.ts'
import { accountReasonText } from './account-text.ts'

/** What can be done to an account from a list or its page; each tells what came of it. */
export function createAccountActions(onchange: (account: Account) => void) {
  const { api, session } = getApp()
  let busyId = $state<number | null>(null)

  async function run(id: number, act: () => Promise<void>): Promise<void> {
    if (busyId !== null) return
    busyId = id
    try {
      await act()
    } catch (error) {
      const problem = toProblem(error)
      if (isSignedOut(problem)) session.expire()
      toast.failed(reasonText(problem.reason))
    } finally {
      busyId = null
    }
  }

  return {
    get busyId() {
      return busyId
    },
    test: ({ id, name }: Account) =>
      run(id, async () => {
        const { ok, latencyMs, reason } = await api.accounts.test.mutate({ id })
        if (ok) toast.done(m.test_passed({ name, time: format.ms(latencyMs) }))
        else
          toast.failed(
            m.test_failed({ name, reason: reason === null ? m.account_reason_refused() : accountReasonText(reason) }),
          )
        onchange(await api.accounts.get.query({ id }))
      }),
    setSchedulable: ({ id }: Account, schedulable: boolean) =>
      run(id, async () => onchange(await api.accounts.setSchedulable.mutate({ id, schedulable }))),
    clearState: ({ id, name }: Account) =>
      run(id, async () => {
        onchange(await api.accounts.clearState.mutate({ id }))
        toast.done(m.state_cleared({ name }))
      }),
    /** Throws what refused it: it is asked for in a dialog that tells. */
    async archive({ id, name, status }: Account): Promise<void> {
      onchange(await api.accounts.archive.mutate({ id }))
      // What was in error comes back to be tried: its state is no setting.
      const before = status === 'disabled' ? status : 'active'
      toast.done(
        m.archived_done({ name }),
        undoing(session, async () => onchange(await api.accounts.update.mutate({ id, status: before }))),
      )
    },
  }
}
