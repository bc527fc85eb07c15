import { hash, verify } from '@node-rs/argon2'
import { AppError } from '../../shared/app-error.ts'

// Argon2id (the library's default kind): 19 MiB and two passes, the OWASP minimum.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

// Verified against where there is no user, so that the answer takes as long; made from random bytes nobody kept.
const NOBODYS_HASH = '$argon2id$v=19$m=19456,t=2,p=1$oXz+MDovHEea2s2z/LvhwQ$tSoq1VktjveWHMxIBcLdiPqLsCsgCtmcXTVn4aPKQJw'

const MAX_RUNNING = 2
const MAX_WAITING = 64

export type Passwords = ReturnType<typeof createPasswords>

/** Hashing and checking, a few at a time: more than MAX_WAITING in the queue are refused as `too_many_attempts`. */
export function createPasswords() {
  let running = 0
  const queue: (() => void)[] = []

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= MAX_RUNNING) {
      if (queue.length >= MAX_WAITING) throw new AppError('too_many_attempts')
      await new Promise<void>((resolve) => queue.push(resolve))
    } else {
      running += 1
    }
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else running -= 1
    }
  }

  return {
    hash: (password: string): Promise<string> => inTurn(() => hash(password, COST)),
    /** False for a null hash, after the same time. */
    verify: async (passwordHash: string | null, password: string): Promise<boolean> => {
      const matches = await inTurn(() => verify(passwordHash ?? NOBODYS_HASH, password))
      return matches && passwordHash !== null
    },
    /** How many wait for their turn. */
    waiting: () => queue.length,
  }
}
