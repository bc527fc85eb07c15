import type { Endpoint } from './plan.ts'

/** What a healthy upstream would send; faults are made of it. */
export interface Script {
  protocol: Endpoint
  isStream: boolean
  headers: Headers
  /** The events of a stream, or the one JSON body. */
  frames: string[]
  firstByteMs: number
  eventMs: number
}

export type Headers = Record<string, string | string[]>

/** One act on the wire. A list of them is a whole answer; `end` and `cut` are the last. */
export type Step =
  | { do: 'wait'; ms: number }
  | { do: 'informational'; status: 100 | 102 | 103 }
  | { do: 'head'; status: number; headers: Headers }
  | { do: 'write'; data: string | Buffer }
  /** The data in writes of so many bytes. */
  | { do: 'drip'; data: Buffer; bytes: number; everyMs: number }
  /** The same data again and again; `times` may be Infinity. */
  | { do: 'repeat'; data: string | Buffer; times: number; everyMs: number }
  /** Nothing more, until the client leaves. */
  | { do: 'silence'; pingEveryMs: number | null }
  | { do: 'cut'; how: 'fin' | 'rst' }
  | { do: 'end' }

/** The steps of a healthy answer. */
export function healthySteps(script: Script): Step[] {
  return [...opening(script), ...paced(script, script.frames), { do: 'end' }]
}

/** The wait for the first byte and the headers. A JSON answer announces its whole length, whatever follows. */
export function opening(script: Script, bytes = bodyBytes(script)): Step[] {
  const length: Headers = script.isStream ? {} : { 'content-length': String(bytes) }
  const head: Step = { do: 'head', status: 200, headers: { ...script.headers, ...length } }
  return script.firstByteMs > 0 ? [{ do: 'wait', ms: script.firstByteMs }, head] : [head]
}

export function paced(script: Script, frames: string[]): Step[] {
  const writes = frames.map((data): Step => ({ do: 'write', data }))
  if (script.eventMs === 0) return writes
  return writes.flatMap((write, index): Step[] => (index === 0 ? [write] : [{ do: 'wait', ms: script.eventMs }, write]))
}

export function bodyBytes(script: Script): number {
  return script.frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0)
}
