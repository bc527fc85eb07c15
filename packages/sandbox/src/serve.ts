import type { IncomingMessage, ServerResponse } from 'node:http'
import { faultySteps } from './apply-fault.ts'
import type { FaultList } from './fault-list.ts'
import type { Inbox } from './inbox.ts'
import type { Models } from './models.ts'
import type { Plan, Planner } from './plan.ts'
import { play } from './play.ts'
import { readBody } from './read-body.ts'
import { Refusal } from './refusal.ts'
import type { LoggedRequest } from './request-log.ts'
import { type Route, routeOf } from './route.ts'
import { type Headers, healthySteps, type Script } from './script.ts'
import { sendEvents, sendJson } from './send.ts'
import type { StoredResponses } from './stored-responses.ts'

interface ServiceParts {
  models: Models
  planner: Planner
  faults: FaultList
  stored: StoredResponses
  inbox: Inbox
  /** null = no key is asked for. */
  keys: ReadonlySet<string> | null
  pace: { firstByteMs: number; eventMs: number }
  clock: { now(): number }
  /** Unique per answer. */
  nextId: () => string
}

type Serve = (req: IncomingMessage, res: ServerResponse, entry: LoggedRequest) => Promise<void>

/** Answers one request. Rejects with a Refusal where an error answer is due. */
export function createService({
  models,
  planner,
  faults,
  stored,
  inbox,
  keys,
  pace,
  clock,
  nextId,
}: ServiceParts): Serve {
  return async function serve(req, res, entry) {
    const body = await readBody(req)
    entry.body = body
    const route = routeOf(entry.method, entry.path)
    if (route.to === 'inbox') return take(req, res, body)
    if (keys !== null && (entry.key === null || !keys.has(entry.key))) {
      throw new Refusal(401, 'invalid_api_key', 'Incorrect API key provided.')
    }
    if (route.to === 'stored' && route.query.get('stream') === 'true') {
      return sendEvents(res, stored.replay(route.id, Number(route.query.get('starting_after') ?? -1)))
    }
    if (route.to !== 'answer') return sendJson(res, 200, lookUp(entry.method, route))
    const header = req.headers['x-sandbox']
    const command = typeof header === 'string' ? header : null
    const known = command === null ? planner.remembered(route.endpoint, body) : undefined
    const plan = known ?? (await planner.plan(route.endpoint, body, command))
    await answer(res, plan, entry)
  }

  function take(req: IncomingMessage, res: ServerResponse, body: string): void {
    const id = req.headers['webhook-id']
    inbox.add({ atMs: clock.now(), id: typeof id === 'string' ? id : null, body })
    res.writeHead(204).end()
  }

  function lookUp(method: string, route: Exclude<Route, { to: 'answer' | 'inbox' }>): string {
    if (route.to === 'models') return models.listBody()
    return route.to === 'model' ? models.oneBody(route.id) : stored.serve(method, route.id, route.action)
  }

  async function answer(res: ServerResponse, plan: Plan, entry: LoggedRequest): Promise<void> {
    const id = nextId()
    const nowMs = clock.now()
    const created = String(Math.floor(nowMs / 1000))
    const fault = plan.directive.fault ?? faults.take({ key: entry.key, model: plan.model })
    const firstByteMs = plan.directive.firstByteMs ?? pace.firstByteMs
    const eventMs = plan.isStream ? (plan.directive.eventMs ?? pace.eventMs) : 0
    if (plan.kept !== null) stored.keep(plan.kept, id, created)
    if (fault === null && firstByteMs === 0 && eventMs === 0) return sendAtOnce(res, plan, id, created)
    const script: Script = {
      protocol: plan.endpoint,
      isStream: plan.isStream,
      headers: headersOf(plan, id),
      frames: plan.frames.map((frame) => frame(id, created)),
      firstByteMs,
      eventMs,
    }
    entry.fault = fault?.kind ?? null
    await play(res, fault === null ? healthySteps(script) : faultySteps(script, fault, nowMs), () => {
      entry.ending = 'cut'
    })
  }
}

function sendAtOnce(res: ServerResponse, plan: Plan, id: string, created: string): void {
  const text = plan.whole(id, created)
  const headers = headersOf(plan, id)
  if (!plan.isStream) headers['content-length'] = String(Buffer.byteLength(text))
  res.writeHead(200, headers)
  res.end(text)
}

function headersOf(plan: Plan, id: string): Headers {
  return {
    'content-type': plan.contentType,
    'x-request-id': `req_${id}`,
    'openai-processing-ms': '1',
    'openai-version': '2020-10-01',
  }
}
