import { randomBytes } from 'node:crypto'
import { type FreshDatabase, freshDatabase } from '@turnpike/db/testing'
import { createSecretBox, type SecretBox } from '../../apps/server/src/shared/secret-box.ts'
import { makeDataDir } from '../support/data-dir.ts'
import {
  type StartOptions,
  spawnTurnpike,
  startTurnpike,
  type Turnpike,
  type TurnpikeProcess,
} from '../support/start-turnpike.ts'
import { plantTenant, type Tenant, type TenantOptions } from './tenant.ts'

export interface InstancesOptions {
  count: number
  /** None = each believes to be alone. */
  redisUrl?: string
}

export interface Instances extends AsyncDisposable {
  all: Turnpike[]
  database: FreshDatabase
  box: SecretBox
  /** One more, ready to be used; `dataDir` = where one that was killed lived. */
  start(options?: { dataDir?: string; env?: Record<string, string> }): Promise<Turnpike>
  /** One more that may never get ready. */
  spawn(env?: Record<string, string>): Promise<TurnpikeProcess>
  plant(options: TenantOptions): Promise<Tenant>
}

/** Servers as processes of their own on one database, each with a data directory of its own; all gone after use. */
export async function startInstances({ count, redisUrl }: InstancesOptions): Promise<Instances> {
  const stack = new AsyncDisposableStack()
  try {
    const database = stack.use(await freshDatabase())
    const secretKey = randomBytes(32)
    const box = createSecretBox(secretKey)
    const all: Turnpike[] = []

    async function optionsOf(env: Record<string, string> = {}, dataDir?: string): Promise<StartOptions> {
      return {
        dataDir: dataDir ?? stack.use(await makeDataDir()).path,
        env: {
          DATABASE_URL: database.url,
          TURNPIKE_SECRET_KEY: secretKey.toString('base64'),
          TURNPIKE_SANDBOX: 'off',
          TURNPIKE_PRIVATE_UPSTREAMS: '127.0.0.0/8',
          ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
          ...env,
        },
      }
    }

    async function start({ dataDir, env }: { dataDir?: string; env?: Record<string, string> } = {}): Promise<Turnpike> {
      const turnpike = stack.use(await startTurnpike(await optionsOf(env, dataDir)))
      all.push(turnpike)
      return turnpike
    }

    // The first one plants what the others find.
    await start()
    await Promise.all(Array.from({ length: count - 1 }, () => start()))
    return {
      all,
      database,
      box,
      start,
      spawn: async (env) => stack.use(spawnTurnpike(await optionsOf(env))),
      plant: (options) => plantTenant(database, box, options),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
