import { signIn } from '../support/admin.ts'
import { makeDataDir, postmasterPid } from '../support/data-dir.ts'
import { startTurnpike, type Turnpike } from '../support/start-turnpike.ts'
import { MODELS } from './bodies.ts'

export interface BenchedTurnpike extends AsyncDisposable {
  server: Turnpike
  port: number
  /** A key without limits of its own, its owner and its group. */
  key: string
  userId: number
  groupId: number
  databasePid: number
}

/** The real server with nothing switched off: embedded PostgreSQL, journal, ledger, live feed; one account, no limits. */
export async function startBenchedTurnpike(
  upstreamPort: number,
  env: Record<string, string> = {},
): Promise<BenchedTurnpike> {
  await using opened = new AsyncDisposableStack()
  const dataDir = opened.use(await makeDataDir())
  const server = opened.use(
    await startTurnpike({
      dataDir: dataDir.path,
      env: {
        NODE_ENV: 'production',
        TURNPIKE_PROFILE: 'quickstart',
        TURNPIKE_PRIVATE_UPSTREAMS: `127.0.0.1:${upstreamPort}`,
        NODE_OPTIONS: '--inspect-port=127.0.0.1:0',
        ...env,
      },
    }),
  )
  const configured = await configure(server, upstreamPort)
  const databasePid = await postmasterPid(dataDir.path)
  if (databasePid === null) throw new Error('Turnpike runs without its database')
  const toClose = opened.move()
  return {
    server,
    port: Number(new URL(server.origin).port),
    ...configured,
    databasePid,
    async [Symbol.asyncDispose]() {
      await server.stop()
      await toClose.disposeAsync()
    },
  }
}

/** The administrator's clicks, by the panel's own way. */
async function configure(server: Turnpike, upstreamPort: number) {
  const client = await signIn(server)
  const group = await client.groups.create.mutate({ name: 'Bench' })
  const user = await client.users.create.mutate({ email: 'bench@example.com', concurrency: 0, groupIds: [group.id] })
  await client.accounts.create.mutate({
    name: 'Bench upstream',
    provider: 'openai-compatible',
    baseUrl: `http://127.0.0.1:${upstreamPort}/v1`,
    secret: 'bench',
    groupIds: [group.id],
    concurrency: 0,
    models: Object.values(MODELS),
  })
  const { secret } = await client.keys.create.mutate({ userId: user.id, groupId: group.id, name: 'Bench' })
  return { key: secret, userId: user.id, groupId: group.id }
}
