import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '@turnpike/core/gateway/errors'
import { type Config, listedModels } from '../config/config.ts'
import type { KeyRecord } from '../keys/key-store.ts'
import type { Answered } from './answered.ts'
import type { CallerOf } from './caller.ts'

/** `GET /v1/models` and `/v1/models/{id}`, from memory. An id may contain slashes. */
export function createModelsHandler({
  callerOf,
  config,
  answered,
}: {
  callerOf: CallerOf
  config: () => Config
  answered: Answered
}) {
  function modelsOf(key: KeyRecord): string[] {
    return listedModels(config(), key.groupId, [callerOf.group(key).models, key.models])
  }

  function list(request: IncomingMessage, response: ServerResponse): void {
    answered(request, response, (key) => ({ object: 'list', data: modelsOf(key).map(toModel) }))
  }

  function get(request: IncomingMessage, response: ServerResponse, id: string): void {
    answered(request, response, (key) => {
      if (!modelsOf(key).includes(id)) throw new GatewayError('model_not_found', { param: 'model' })
      return toModel(id)
    })
  }

  return { list, get }
}

/** `created` is part of the shape; when an upstream made its model is not ours to know. */
function toModel(id: string) {
  return { id, object: 'model', created: 0, owned_by: 'turnpike' }
}
