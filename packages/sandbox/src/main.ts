import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { readDirective } from './directive.ts'
import { faultKinds } from './fault.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'

const HELP = `A simulated OpenAI upstream.

  --port N           where to listen (default 8788; 0 = any free port)
  --host ADDRESS     default 127.0.0.1
  --first-byte-ms N  silence before each answer
  --event-ms N       pause between the events of a stream

Commands on standard input:
  fault KIND [name=value …]   such as: fault status status=429 retryAfter=2 times=3
  clear                       no faults any more
  status                      one line of JSON
  kinds                       what can go wrong
`

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8788' },
      host: { type: 'string', default: '127.0.0.1' },
      'first-byte-ms': { type: 'string', default: '0' },
      'event-ms': { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return print(HELP)
  const sandbox = await createSandbox({
    host: values.host,
    port: Number(values.port),
    firstByteMs: Number(values['first-byte-ms']),
    eventMs: Number(values['event-ms']),
  })
  print(`Sandbox upstream: ${sandbox.url}/v1 (any key; models sandbox-small, sandbox-large, sandbox-reasoning)`)
  const input = createInterface({ input: process.stdin })
  input.on('line', (line) => print(obey(sandbox, line.trim())))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      input.close()
      process.stdin.destroy()
      void sandbox.close()
    })
  }
}

/** Carries out one line and says so in one line. */
function obey(sandbox: Sandbox, line: string): string {
  const [command, ...rest] = line.split(' ')
  switch (command) {
    case 'fault':
      return setFault(sandbox, rest.join(' '))
    case 'clear':
      sandbox.clearFaults()
      return 'No faults any more.'
    case 'status':
      return JSON.stringify(sandbox.status())
    case 'kinds':
      return faultKinds()
        .map(({ kind, description }) => `${kind}: ${description}`)
        .join('\n')
    default:
      return 'Unknown command: fault KIND [name=value …], clear, status or kinds.'
  }
}

function setFault(sandbox: Sandbox, text: string): string {
  try {
    const { fault } = readDirective(`fault=${text}`)
    if (fault === undefined) return 'Which fault? `kinds` lists them.'
    sandbox.setFault(fault)
    return `Set: ${JSON.stringify(fault)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
