/** An error answer in OpenAI's shape: `{"error":{message,type,param,code}}`. */
export class Refusal extends Error {
  readonly status: number
  readonly type: string
  readonly param: string | null
  readonly code: string | null

  constructor(status: number, code: string | null, message: string, param: string | null = null) {
    super(message)
    this.status = status
    this.type = status >= 500 ? 'server_error' : 'invalid_request_error'
    this.code = code
    this.param = param
  }

  body(): string {
    return errorBody({ message: this.message, type: this.type, param: this.param, code: this.code })
  }
}

export interface ErrorMembers {
  message: string
  type: string
  param: string | null
  code: string | null
}

/** `extra` members (such as `resets_in_seconds`) stand beside the four. */
export function errorBody(error: ErrorMembers, extra: Record<string, unknown> = {}): string {
  return JSON.stringify({ error: { ...error, ...extra } })
}
