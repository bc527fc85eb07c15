import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** Server and panel side by side, each starting anew when its files change; both end together. */
async function develop(): Promise<void> {
  const port = process.env.PORT ?? '8787'
  const server = spawn(process.execPath, ['--watch', '--watch-preserve-output', 'apps/server/src/main.ts'], {
    cwd: root,
    env: { ...process.env, PORT: port },
    stdio: 'inherit',
  })
  const panel = spawn(join(root, 'node_modules/.bin/vite'), ['dev', '--host', '127.0.0.1'], {
    cwd: join(root, 'apps/admin'),
    env: { ...process.env, TURNPIKE_DEV_SERVER: `http://127.0.0.1:${port}` },
    stdio: 'inherit',
  })
  const children = [server, panel]
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      for (const child of children) child.kill(signal)
    })
  }
  const ends = children.map((child) => once(child, 'exit'))
  const [code] = await Promise.race(ends)
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(ends)
  process.exitCode = typeof code === 'number' ? code : 0
}

await develop()
