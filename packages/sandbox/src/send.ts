import type { ServerResponse } from 'node:http'
import { errorBody, Refusal } from './refusal.ts'

const INTERNAL = { message: 'The sandbox has a bug.', type: 'server_error', param: null, code: 'internal_error' }

export function sendJson(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  res.end(body)
}

export function sendEvents(res: ServerResponse, events: string): void {
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  res.end(events)
}

/** Answers an error, if an answer is still possible. */
export function sendError(res: ServerResponse, error: unknown): void {
  if (res.destroyed) return
  if (res.headersSent) res.destroy()
  else if (error instanceof Refusal) sendJson(res, error.status, error.body())
  else sendJson(res, 500, errorBody(INTERNAL))
}
