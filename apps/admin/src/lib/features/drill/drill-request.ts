import { DRILL_MODEL } from './drill-plan.ts'

/** How a drill's request ended for its caller. `code` is the gateway's, null where no answer of the gateway's came. */
export type DrillAnswer = { isOk: true } | { isOk: false; status: number | null; code: string | null }

/** One request as any client makes it: streaming, over the gateway's own door. */
export async function sendDrillRequest(secret: string, signal: AbortSignal): Promise<DrillAnswer> {
  try {
    const response = await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: DRILL_MODEL, stream: true, messages: [{ role: 'user', content: 'Fire drill' }] }),
      signal,
    })
    return judgeAnswer(response.status, await response.text())
  } catch {
    return { isOk: false, status: null, code: null }
  }
}

/** An answer is good where it is whole: status 200, no error in the stream, its last event there. */
export function judgeAnswer(status: number, body: string): DrillAnswer {
  if (status !== 200) return { isOk: false, status, code: codeIn(body) }
  const events = body.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice('data: '.length)] : []))
  const failed = events.find((data) => data.startsWith('{"error"'))
  if (failed !== undefined) return { isOk: false, status, code: codeIn(failed) }
  return events.at(-1) === '[DONE]' ? { isOk: true } : { isOk: false, status, code: null }
}

function codeIn(body: string): string | null {
  try {
    const code: unknown = Reflect.get(Object(Reflect.get(Object(JSON.parse(body)), 'error')), 'code')
    return typeof code === 'string' ? code : null
  } catch {
    return null
  }
}
