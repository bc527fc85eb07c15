import { asObject, isObject, type JsonObject } from '../json.ts'
import { listAt, objectAt, present, textAt, unsupported } from './translated.ts'

/** A chat tool as the Responses API writes it: the same members, one level up. */
export function responsesTool(value: unknown, param: string): JsonObject {
  const tool = objectAt(value, param)
  if (tool.type === 'function') {
    const { name, description, parameters, strict } = objectAt(tool.function, `${param}.function`)
    return {
      ...present({ type: 'function', name: textAt(name, `${param}.function.name`), description }),
      parameters: parameters ?? { type: 'object', properties: {} },
      // Absent means false in chat and true in Responses.
      strict: strict ?? false,
    }
  }
  if (tool.type !== 'custom') return unsupported(`${param}.type`)
  const { name, description, format } = objectAt(tool.custom, `${param}.custom`)
  return present({
    type: 'custom',
    name: textAt(name, `${param}.custom.name`),
    description,
    format: isObject(format) && isObject(format.grammar) ? { type: 'grammar', ...format.grammar } : format,
  })
}

/** `tool_choice` likewise: named tools and lists of allowed ones lose a level. */
export function responsesChoice(value: unknown): unknown {
  if (!isObject(value)) return value ?? undefined
  if (value.type !== 'allowed_tools') return namedChoice(value, 'tool_choice')
  const { mode, tools } = objectAt(value.allowed_tools, 'tool_choice.allowed_tools')
  const param = 'tool_choice.allowed_tools.tools'
  const allowed = listAt(tools, param).map((tool, index) => namedChoice(asObject(tool), `${param}[${index}]`))
  return { type: 'allowed_tools', mode: mode ?? 'auto', tools: allowed }
}

function namedChoice(choice: JsonObject, param: string): JsonObject {
  const { type } = choice
  if (type !== 'function' && type !== 'custom') return unsupported(param)
  return { type, name: textAt(asObject(choice[type]).name, `${param}.${type}.name`) }
}
