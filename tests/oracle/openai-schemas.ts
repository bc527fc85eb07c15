import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'

const FILE = fileURLToPath(new URL('../../../shared/data/openai-openapi.json', import.meta.url))
const DOCUMENT = 'openai'

/** OpenAI's own description of its API lies beside the checkout, or these tests are skipped by name. */
export const hasDescription = existsSync(FILE)

/** Members of a response that the description has as never null, and its own examples as null. */
const NULL_IN_EXAMPLES = ['user', 'usage']
const OF_RESPONSES = ['Response', 'ModelResponseProperties']

export interface OpenAiSchemas {
  /** What is wrong with a value, by the component of that name; empty = nothing. */
  faults(component: string, value: unknown): string[]
  /** The component of an event of a streamed response, by its type. */
  componentOf(eventType: string): string
}

/** Reads OpenAI's description (OpenAPI 3.1, whose schemas are JSON Schema 2020-12). */
export async function openAiSchemas(): Promise<OpenAiSchemas> {
  const { components }: { components: { schemas: Record<string, unknown> } } = JSON.parse(await readFile(FILE, 'utf8'))
  const schemas = Object.fromEntries(
    Object.entries(components.schemas).map(([name, schema]) => [
      name,
      withNull(schema, OF_RESPONSES.includes(name) ? NULL_IN_EXAMPLES : []),
    ]),
  )
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ components: { schemas } }, DOCUMENT)
  const events = eventComponents(components.schemas)

  function faults(component: string, value: unknown): string[] {
    const validate = ajv.getSchema(`${DOCUMENT}#/components/schemas/${component}`)
    if (validate === undefined) throw new Error(`the description has no ${component}`)
    if (validate(value)) return []
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
  }

  return { faults, componentOf: (type) => events.get(type) ?? `event ${type}` }
}

const Event = z.object({ properties: z.object({ type: z.object({ enum: z.array(z.string()) }) }) })
const Events = z.object({ anyOf: z.array(z.object({ $ref: z.string() })) })

/** Each event by itself: "none of fifty" would say nothing of what is wrong with one. */
function eventComponents(schemas: Record<string, unknown>): Map<string, string> {
  const names = Events.parse(schemas.ResponseStreamEvent).anyOf.map(({ $ref }) => $ref.split('/').at(-1) ?? '')
  return new Map(names.flatMap((name) => Event.parse(schemas[name]).properties.type.enum.map((type) => [type, name])))
}

/** `nullable` is a word of OpenAPI 3.0 that this description still uses. `members`: properties that may be null, too. */
function withNull(node: unknown, members: readonly string[]): unknown {
  if (Array.isArray(node)) return node.map((each) => withNull(each, members))
  if (typeof node !== 'object' || node === null) return node
  const { nullable, ...schema } = Object.fromEntries(
    Object.entries(node).map(([name, value]) => {
      const inner = withNull(value, members)
      return [name, members.includes(name) ? orNull(inner) : inner]
    }),
  )
  // A property may be called that.
  if (typeof nullable === 'object') return { ...schema, nullable }
  return nullable === true ? orNull(schema) : schema
}

function orNull(schema: unknown): unknown {
  return { anyOf: [schema, { type: 'null' }] }
}
