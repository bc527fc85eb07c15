import type { Dispatcher } from 'undici'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** One GET by the pool's `dispatch`, as the gateway does it; rejects with the error the handler got. */
export function get(
  pool: Dispatcher,
  { path = '/', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const answer: Answer = { status: 0, headers: {}, body: '' }
    pool.dispatch(
      { path, method: 'GET', headers },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, received) {
          answer.status = status
          answer.headers = received
        },
        onResponseData(_controller, chunk) {
          answer.body += chunk.toString()
        },
        onResponseEnd() {
          resolve(answer)
        },
        onResponseError(_controller, error) {
          reject(error)
        },
      },
    )
  })
}
