import { asArray, asObject, asText, isObject, type JsonObject } from './json.ts'

const MAX_DEPTH = 12

const STRINGS_BY_FORMAT: Record<string, string> = {
  date: '2026-01-01',
  'date-time': '2026-01-01T00:00:00Z',
  time: '00:00:00Z',
  email: 'sandbox@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '192.0.2.1',
}

/** The smallest value that fits a JSON schema: required members only, first choices, least numbers. */
export function sampleOf(schema: unknown): unknown {
  return sample(schema, asObject(schema), 0)
}

function sample(schema: unknown, root: JsonObject, depth: number): unknown {
  if (!isObject(schema) || depth > MAX_DEPTH) return {}
  const chosen = chosenValue(schema)
  if (chosen !== undefined) return chosen
  if (typeof schema.$ref === 'string') return sample(resolve(schema.$ref, root), root, depth + 1)
  const branch = asArray(schema.anyOf)[0] ?? asArray(schema.oneOf)[0]
  if (branch !== undefined) return sample(branch, root, depth + 1)
  if (Array.isArray(schema.allOf)) {
    return Object.assign({}, ...schema.allOf.map((part) => sample(part, root, depth + 1)), members(schema, root, depth))
  }
  return byType(schema, root, depth)
}

function chosenValue(schema: JsonObject): unknown {
  if ('const' in schema) return schema.const
  return asArray(schema.enum)[0] ?? schema.default ?? asArray(schema.examples)[0]
}

function byType(schema: JsonObject, root: JsonObject, depth: number): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'string':
      return sampleText(schema)
    case 'integer':
    case 'number':
      return leastNumber(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array':
      return Array.from({ length: Number(schema.minItems ?? 0) }, () => sample(schema.items, root, depth + 1))
    default:
      return members(schema, root, depth)
  }
}

function members(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = asObject(schema.properties)
  const names = asArray(schema.required).map(asText)
  return Object.fromEntries(names.map((name) => [name, sample(properties[name], root, depth + 1)]))
}

function sampleText(schema: JsonObject): string {
  const text = STRINGS_BY_FORMAT[asText(schema.format)] ?? 'sandbox'
  const padded = text.padEnd(Number(schema.minLength ?? 0), 'x')
  return typeof schema.maxLength === 'number' ? padded.slice(0, schema.maxLength) : padded
}

function leastNumber(schema: JsonObject): number {
  if (typeof schema.minimum === 'number') return schema.minimum
  if (typeof schema.exclusiveMinimum === 'number') return schema.exclusiveMinimum + 1
  return typeof schema.maximum === 'number' ? Math.min(1, schema.maximum) : 1
}

/** `#/$defs/Name`, as the SDKs write them. */
function resolve(ref: string, root: JsonObject): unknown {
  const path = ref.replace(/^#\/?/, '').split('/').filter(Boolean)
  return path.reduce<unknown>((value, name) => asObject(value)[name], root)
}
