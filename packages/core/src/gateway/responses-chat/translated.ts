import { isObject, type JsonObject } from '../json.ts'

/** A request in the other protocol, or the path of the member that has no counterpart there (`unsupported_parameter`). */
export type TranslatedRequest = { ok: true; body: JsonObject } | { ok: false; param: string }

/**
 * A whole answer in the other protocol. `failed`: the upstream sent an error where an answer belongs. `invalid`: what it
 * sent is no answer of its protocol.
 */
export type TranslatedAnswer =
  | { kind: 'answer'; body: JsonObject }
  | { kind: 'failed'; failure: UpstreamFailure }
  | { kind: 'invalid' }

/** An upstream's own error, in the members both protocols have. */
export interface UpstreamFailure {
  code: string | null
  message: string
}

/** For an upstream that failed without saying why. */
export const UNNAMED_FAILURE: UpstreamFailure = { code: null, message: 'The upstream reported an error' }

class UnsupportedMember extends Error {
  readonly param: string

  constructor(param: string) {
    super(`No counterpart for ${param}`)
    this.param = param
  }
}

/** Runs a translation in which any function, however deep, may call `unsupported`. */
export function translate(build: () => JsonObject): TranslatedRequest {
  try {
    return { ok: true, body: build() }
  } catch (error) {
    if (error instanceof UnsupportedMember) return { ok: false, param: error.param }
    throw error
  }
}

/** Ends the translation that is running: `param` cannot be said in the other protocol. */
export function unsupported(param: string): never {
  throw new UnsupportedMember(param)
}

/** The members that are there: null means the default in both protocols, and strict servers refuse it. */
export function present(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null))
}

/** A list the client sent; absent is empty, anything else ends the translation. */
export function listAt(value: unknown, param: string): unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : unsupported(param)
}

export function objectAt(value: unknown, param: string): JsonObject {
  return isObject(value) ? value : unsupported(param)
}

/** A string the client has to send. */
export function textAt(value: unknown, param: string): string {
  return typeof value === 'string' ? value : unsupported(param)
}

/** Objects of a list an upstream sent; whatever else is in it is skipped. */
export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** The upstream's error where a body or chunk carries one, in any of the forms servers use. */
export function failureOf(value: unknown): UpstreamFailure | null {
  if (typeof value === 'string') return { code: null, message: value }
  if (!isObject(value)) return null
  const { code, type, message } = value
  return {
    code: typeof code === 'string' ? code : typeof type === 'string' ? type : null,
    message: typeof message === 'string' ? message : UNNAMED_FAILURE.message,
  }
}
