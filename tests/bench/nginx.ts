import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listen } from '../../apps/server/src/shared/listen.ts'
import { findOnPath } from '../support/find-program.ts'
import { waitFor } from '../support/wait-for.ts'

const START_MS = 5_000

export interface Nginx extends AsyncDisposable {
  pid: number
  port: number
}

/** nginx as a reverse proxy before the upstream, one process; null where it is not installed. */
export async function startNginx(upstreamPort: number): Promise<Nginx | null> {
  const program = findOnPath(['nginx']) ?? findOnPath(['/usr/sbin/nginx'])
  if (program === undefined) return null
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-bench-nginx-'))
  const port = await freePort()
  await writeFile(join(directory, 'nginx.conf'), configuration(directory, port, upstreamPort))
  const child = spawn(program, ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const nginx: Nginx = {
    pid: child.pid ?? 0,
    port,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      await rm(directory, { recursive: true, force: true })
    },
  }
  try {
    await waitFor('nginx', () => child.exitCode !== null || accepts(port), START_MS)
    if (child.exitCode === null) return nginx
  } catch {
    // It does not come up: the bench goes on without it.
  }
  await nginx[Symbol.asyncDispose]()
  return null
}

function configuration(directory: string, port: number, upstreamPort: number): string {
  return `
daemon off;
master_process off;
pid ${directory}/pid;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${directory}/bodies;
  proxy_temp_path ${directory}/answers;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 1000000;
  client_body_buffer_size 128k;
  upstream bench { server 127.0.0.1:${upstreamPort}; keepalive 2048; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`
}

async function freePort(): Promise<number> {
  const server = createServer()
  const { port } = await listen(server, '127.0.0.1', 0)
  server.close()
  await once(server, 'close')
  return port
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
