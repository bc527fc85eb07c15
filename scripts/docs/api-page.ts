import { z } from 'zod'
import { appRouter } from '../../apps/server/src/router.ts'
import { ROLE_PERMISSIONS } from '../../apps/server/src/shared/permissions.ts'
import type { Meta } from '../../apps/server/src/trpc.ts'
import { table } from './table.ts'

/** docs/api.md: every procedure with who may call it and what it takes, from the router itself. */
export function apiPage(): string {
  const procedures = Object.entries(flatProcedures()).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const routers = Map.groupBy(procedures, ([path]) => path.split('.')[0] ?? '')
  return [
    '# The API',
    'Made by `npm run docs` from the router; do not edit. Shapes of answers are types of `@turnpike/client`. Inputs are strict: an unknown member is refused.',
    '## Who may what',
    table(['role', 'permissions'], roleRows()),
    ...[...routers].flatMap(([name, members]) => [
      `## ${name}`,
      table(['procedure', 'kind', 'permission', 'input'], members.map(procedureRow)),
    ]),
  ].join('\n\n')
}

function roleRows(): string[][] {
  return Object.entries(ROLE_PERMISSIONS).map(([role, permissions]) => [
    role,
    permissions.map((name) => `\`${name}\``).join(' '),
  ])
}

function procedureRow([path, { _def }]: [string, Procedure]): string[] {
  const { type, meta, inputs } = _def
  return [`\`${path}\``, type, `\`${meta.permission}\``, inputs.map(inputText).join(' ')]
}

/** A procedure as tRPC keeps it: with the schemas it was built with. */
interface Procedure {
  _def: { type: string; meta: Meta; inputs: z.ZodType[] }
}

// tRPC types the record as nested routers; at run time it is flat, by whole path.
function flatProcedures(): Record<string, Procedure> {
  return appRouter._def.procedures as object as Record<string, Procedure>
}

function inputText(schema: z.ZodType): string {
  const { properties, required, anyOf, oneOf } = jsonSchemaOf(schema)
  const choices = anyOf ?? oneOf
  if (choices !== undefined) return choices.map((choice) => membersText(choice)).join(' or ')
  return membersText({ properties, required })
}

function membersText({ properties = {}, required = [] }: JsonSchema): string {
  const members = Object.entries(properties).map(([name, property]) => {
    return `${name}${required.includes(name) ? '' : '?'}: ${typeText(property)}`
  })
  return members.length === 0 ? '' : `\`{ ${members.join(', ')} }\``
}

function typeText({ type, enum: words, const: only, anyOf, items, properties, required }: JsonSchema): string {
  if (only !== undefined) return JSON.stringify(only)
  if (words !== undefined) return words.map((word) => JSON.stringify(word)).join(' or ')
  if (anyOf !== undefined) return anyOf.map(typeText).join(' or ')
  if (items !== undefined) return `${typeText(items)}[]`
  if (properties !== undefined) return membersText({ properties, required }).replaceAll('`', '')
  return Array.isArray(type) ? type.join(' or ') : (type ?? 'any')
}

interface JsonSchema {
  type?: string | string[] | undefined
  enum?: unknown[] | undefined
  const?: unknown
  anyOf?: JsonSchema[] | undefined
  oneOf?: JsonSchema[] | undefined
  items?: JsonSchema | undefined
  properties?: Record<string, JsonSchema> | undefined
  required?: string[] | undefined
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema
}
