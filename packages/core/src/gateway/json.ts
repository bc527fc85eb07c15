export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value as an object; an empty one where it is something else. For reading what others wrote, never for judging it. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

export function asString(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** Parsed JSON, or undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
