import { asObject, asString, isObject, type JsonObject } from '../json.ts'
import { createToolNames, type ToolIdentity, type ToolNames } from './tool-names.ts'
import { listAt, objectAt, present, textAt, translate, unsupported } from './translated.ts'

/** The tools of a Responses request that a chat-only server can be offered. */
export interface ChatTools {
  names: ToolNames
  /** `tools`, `tool_choice` and `parallel_tool_calls` of the chat request; none of them where no tool is left. */
  members: JsonObject
}

interface DeclaredTool {
  identity: ToolIdentity
  definition: JsonObject
}

/** The one parameter of the function that stands for a custom tool. */
export const CUSTOM_INPUT = 'input'

const CUSTOM_PARAMETERS = {
  type: 'object',
  properties: { [CUSTOM_INPUT]: { type: 'string', description: 'The whole input of the tool as plain text.' } },
  required: [CUSTOM_INPUT],
  additionalProperties: false,
}

/**
 * Tools are declared in `tools` and, for newer models of Codex, in `additional_tools` items. Functions and custom tools,
 * also those in a namespace, become functions. All others (web_search, file_search, mcp, local_shell, tool_search …) run
 * at OpenAI or need items that chat has no word for. Clients offer them by default, so they are left out, and refused
 * only where `tool_choice` insists on one.
 */
export function readChatTools(body: JsonObject): ChatTools {
  const declared = declaredTools(body)
  const names = createToolNames(declared.map(({ identity }) => identity))
  const functions = new Map<string, DeclaredTool>()
  for (const tool of declared) {
    const name = names.toChat(tool.identity)
    if (!functions.has(name)) functions.set(name, tool)
  }
  const { choice, allowed } = readChoice(body.tool_choice, names)
  const offered = [...functions].filter(([name]) => allowed === null || allowed.has(name))
  if (offered.length === 0) {
    if (choice !== undefined && choice !== 'auto' && choice !== 'none') unsupported('tool_choice')
    return { names, members: {} }
  }
  const members = present({
    tools: offered.map(([name, tool]) => chatFunction(name, tool)),
    tool_choice: choice,
    parallel_tool_calls: body.parallel_tool_calls === false ? false : undefined,
  })
  return { names, members }
}

function declaredTools(body: JsonObject): DeclaredTool[] {
  const tools = toolsOf(body.tools, 'tools', null)
  if (!Array.isArray(body.input)) return tools
  const added = body.input.flatMap((item: unknown, index) =>
    isObject(item) && item.type === 'additional_tools' ? toolsOf(item.tools, `input[${index}].tools`, null) : [],
  )
  return [...tools, ...added]
}

function toolsOf(value: unknown, param: string, namespace: string | null): DeclaredTool[] {
  return listAt(value, param).flatMap((entry, index): DeclaredTool[] => {
    const at = `${param}[${index}]`
    const definition = objectAt(entry, at)
    if (definition.type === 'namespace' && namespace === null)
      return toolsOf(definition.tools, `${at}.tools`, textAt(definition.name, `${at}.name`))
    const kind = definition.type
    if (kind !== 'function' && kind !== 'custom') return []
    return [{ identity: { kind, name: textAt(definition.name, `${at}.name`), namespace }, definition }]
  })
}

function chatFunction(name: string, { identity, definition }: DeclaredTool): JsonObject {
  if (identity.kind === 'custom') {
    const description = [asString(definition.description), formatNote(asObject(definition.format))].filter(Boolean)
    return {
      type: 'function',
      function: { name, description: description.join('\n\n'), parameters: CUSTOM_PARAMETERS },
    }
  }
  const { description, parameters, strict } = definition
  return {
    type: 'function',
    function: present({
      name,
      description,
      parameters: parameters ?? { type: 'object', properties: {} },
      // False is chat's default; servers that never heard of `strict` refuse the member.
      strict: strict === true ? true : undefined,
    }),
  }
}

/** A chat server cannot enforce a grammar, but the model can be told. */
function formatNote({ type, syntax, definition }: JsonObject): string | null {
  if (type !== 'grammar' || typeof definition !== 'string') return null
  return `The text of "${CUSTOM_INPUT}" must match this ${asString(syntax) ?? ''} grammar:\n${definition}`
}

/** `allowed` limits the offered tools, as chat-only servers do not know `allowed_tools`; null = all. */
function readChoice(value: unknown, names: ToolNames): { choice: unknown; allowed: Set<string> | null } {
  if (!isObject(value)) return { choice: value ?? undefined, allowed: null }
  if (value.type === 'allowed_tools') {
    const allowed = listAt(value.tools, 'tool_choice.tools').map(asObject).flatMap(chosenName)
    return { choice: value.mode ?? undefined, allowed: new Set(allowed) }
  }
  const [name] = chosenName(value)
  if (name === undefined) return unsupported('tool_choice')
  return { choice: { type: 'function', function: { name } }, allowed: null }

  function chosenName({ type, name: chosen, namespace }: JsonObject): string[] {
    if ((type !== 'function' && type !== 'custom') || typeof chosen !== 'string') return []
    return [names.toChat({ name: chosen, namespace: asString(namespace) })]
  }
}

/** Only the names, for translating the answer; a request that cannot be read has none. */
export function readToolNames(body: JsonObject): ToolNames {
  let names = createToolNames([])
  translate(() => {
    names = createToolNames(declaredTools(body).map(({ identity }) => identity))
    return body
  })
  return names
}
