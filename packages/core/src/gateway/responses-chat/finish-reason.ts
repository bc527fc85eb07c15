import { asObject, type JsonObject } from '../json.ts'

/** Why a Responses answer ended, in chat's words. */
export function finishReasonOf({ status, incomplete_details }: JsonObject, hasCalls: boolean): string {
  if (status === 'incomplete')
    return asObject(incomplete_details).reason === 'content_filter' ? 'content_filter' : 'length'
  return hasCalls ? 'tool_calls' : 'stop'
}
