import type { RouterInputs, RouterOutputs } from '@turnpike/client'
import type { Api } from '#lib/api/client.ts'
import { isSignedOut, toProblem } from '#lib/api/problem.ts'

type Me = RouterOutputs['auth']['me']
export type Permission = Me['permissions'][number]

/**
 * `first_run`: nobody owns the installation yet. `expired`: somebody was signed in and his page is still there, but the server no
 * longer knows him.
 */
type Status = 'checking' | 'unreachable' | 'first_run' | 'signed_out' | 'expired' | 'signed_in'

/** Who is signed in. An expired session keeps the page; signing in again counts up `epoch`, and queries ask afresh. */
export function createSession(api: Api) {
  let status = $state<Status>('checking')
  let me = $state.raw<Me | null>(null)
  let epoch = $state(0)

  async function check(): Promise<void> {
    status = 'checking'
    try {
      await welcome()
    } catch (error) {
      status = isSignedOut(toProblem(error)) ? await whoIsAwaited() : 'unreachable'
    }
  }

  async function whoIsAwaited(): Promise<Status> {
    try {
      const { isNeeded } = await api.auth.firstRun.query()
      return isNeeded ? 'first_run' : 'signed_out'
    } catch {
      // Signing in tells by itself what is wrong.
      return 'signed_out'
    }
  }

  /** Makes the first owner of the installation and signs him in. */
  async function setUp(input: RouterInputs['auth']['setup']): Promise<void> {
    await api.auth.setup.mutate(input)
    await welcome()
  }

  async function signIn(email: string, password: string, totp?: string): Promise<void> {
    await api.auth.login.mutate({ email, password, ...(totp ? { totp } : {}) })
    await welcome()
  }

  /** Sets the password of who was invited and signs him in. Who was signed in here before leaves nothing behind. */
  async function acceptInvite(token: string, password: string): Promise<void> {
    await api.auth.acceptInvite.mutate({ token, password })
    if (me) location.replace('/')
    else await welcome()
  }

  async function signOut(): Promise<void> {
    await api.auth.logout.mutate({})
    status = 'signed_out'
    me = null
  }

  async function welcome(): Promise<void> {
    const next = await api.auth.me.query()
    // Another person must not find what the one before had on the page.
    if (me && me.user.id !== next.user.id) location.reload()
    me = next
    status = 'signed_in'
    epoch += 1
  }

  function expire(): void {
    if (status === 'signed_in') status = 'expired'
  }

  return {
    get status() {
      return status
    },
    get me() {
      return me
    },
    get epoch() {
      return epoch
    },
    get needsSignIn() {
      return status === 'expired'
    },
    can: (permission: Permission) => me?.permissions.includes(permission) ?? false,
    check,
    signIn,
    acceptInvite,
    setUp,
    signOut,
    expire,
  }
}

export type Session = ReturnType<typeof createSession>
