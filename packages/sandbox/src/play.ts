import type { ServerResponse } from 'node:http'
import type { Step } from './script.ts'

/** A client that never leaves does not keep a silent answer open for longer. */
const MAX_SILENCE_MS = 3_600_000
const PING = ': ping\n\n'

/**
 * Performs the steps on the wire, minding back-pressure. Resolves at the end, or as soon as the client has left.
 * @param onCut called right before a connection is cut on purpose
 */
export async function play(res: ServerResponse, steps: Step[], onCut: () => void): Promise<void> {
  const stage = createStage(res, onCut)
  for (const [index, step] of steps.entries()) {
    if (stage.isLeft()) return
    await perform(stage, step)
    // Headers travel with the first write, unless it keeps us waiting.
    if (step.do === 'head' && steps[index + 1]?.do !== 'write') res.flushHeaders()
  }
}

interface Stage {
  res: ServerResponse
  isLeft(): boolean
  wait(ms: number): Promise<void>
  write(data: string | Buffer): Promise<void> | undefined
  onCut(): void
}

function createStage(res: ServerResponse, onCut: () => void): Stage {
  let isLeft = res.destroyed
  let wake: (() => void) | null = null
  res.once('close', () => {
    isLeft = true
    wake?.()
  })
  res.on('drain', () => wake?.())

  return {
    res,
    onCut,
    isLeft: () => isLeft,
    wait(ms) {
      return new Promise((resolve) => {
        const cancel = ms === 0 ? immediately(done) : later(done, ms)
        // Only leaving ends a wait early: a drain would do so too, were it not for the flag.
        wake = () => {
          if (isLeft) done()
        }
        function done(): void {
          wake = null
          cancel()
          resolve()
        }
      })
    },
    write(data) {
      if (res.write(data)) return undefined
      return new Promise((resolve) => {
        wake = () => {
          wake = null
          resolve()
        }
      })
    },
  }
}

function immediately(act: () => void): () => void {
  const immediate = setImmediate(act)
  return () => clearImmediate(immediate)
}

function later(act: () => void, ms: number): () => void {
  const timer = setTimeout(act, ms)
  return () => clearTimeout(timer)
}

async function perform(stage: Stage, step: Step): Promise<void> {
  const { res } = stage
  switch (step.do) {
    case 'wait':
      return stage.wait(step.ms)
    case 'informational':
      return inform(res, step.status)
    case 'head':
      res.writeHead(step.status, step.headers)
      return
    case 'write':
      return stage.write(step.data)
    case 'drip':
      return drip(stage, step.data, step.bytes, step.everyMs)
    case 'repeat':
      return repeat(stage, step.data, step.times, step.everyMs)
    case 'silence':
      return stayQuiet(stage, step.pingEveryMs)
    case 'cut':
      return cut(stage, step.how)
    case 'end':
      res.end()
  }
}

function inform(res: ServerResponse, status: 100 | 102 | 103): void {
  if (status === 100) res.writeContinue()
  else if (status === 102) res.writeProcessing()
  else res.writeEarlyHints({ link: '</style.css>; rel=preload' })
}

async function drip(stage: Stage, data: Buffer, bytes: number, everyMs: number): Promise<void> {
  for (let at = 0; at < data.length && !stage.isLeft(); at += bytes) {
    await stage.write(data.subarray(at, at + bytes))
    await stage.wait(everyMs)
  }
}

async function repeat(stage: Stage, data: string | Buffer, times: number, everyMs: number): Promise<void> {
  for (let count = 0; count < times && !stage.isLeft(); count += 1) {
    await stage.write(data)
    await stage.wait(everyMs)
  }
}

async function stayQuiet(stage: Stage, pingEveryMs: number | null): Promise<void> {
  const everyMs = Math.max(1, pingEveryMs ?? MAX_SILENCE_MS)
  for (let quietMs = 0; quietMs < MAX_SILENCE_MS && !stage.isLeft(); quietMs += everyMs) {
    await stage.wait(everyMs)
    if (pingEveryMs !== null && !stage.isLeft()) await stage.write(PING)
  }
  stage.res.destroy()
}

/** Ends the connection, not the answer: no final chunk is sent. What was written before still arrives. */
async function cut(stage: Stage, how: 'fin' | 'rst'): Promise<void> {
  // Node holds the first write back for a tick, to send it together with the headers.
  await stage.wait(0)
  const { socket } = stage.res
  while (socket !== null && socket.writableLength > 0 && !stage.isLeft()) await stage.wait(1)
  if (stage.isLeft()) return
  stage.onCut()
  if (how === 'rst') socket?.resetAndDestroy()
  else socket?.destroySoon()
}
