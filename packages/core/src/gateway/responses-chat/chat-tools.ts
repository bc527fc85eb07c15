import { asString, isObject, type JsonObject } from '../json.ts'
import { createToolNames, type ToolIdentity, type ToolNames } from './tool-names.ts'
import { listAt, objectAt, present, textAt, unsupported } from './translated.ts'

/** The tools of a Responses request that a chat-only server can be offered. */
export interface ChatTools {
  names: ToolNames
  /** `tools`, `tool_choice` and `parallel_tool_calls` of the chat request, as far as they are needed. */
  members: JsonObject
}

interface DeclaredTool {
  identity: ToolIdentity
  definition: JsonObject
}

/** The one parameter of the function that stands for a custom tool. */
export const CUSTOM_INPUT = 'input'

/**
 * Tools are declared in `tools` and, by newer Codex models, in `additional_tools` items. Functions and custom tools, also
 * those in a namespace, become functions. All others (web_search, file_search, mcp, local_shell, tool_search …) run at
 * OpenAI or need items chat has no word for: clients offer them by default, so they are left out, and refused only where
 * `tool_choice` insists on them.
 */
export function readChatTools(body: JsonObject): ChatTools {
  const declared = declaredTools(body)
  const names = createToolNames(declared.map(({ identity }) => identity))
  const functions = new Map(declared.map((tool) => [names.toChat(tool.identity), tool]).reverse())
  const { choice, offered } = readChoice(body.tool_choice, [...functions.keys()].reverse(), names)
  if (offered.length === 0) return { names, members: {} }
  return {
    names,
    members: present({
      tools: offered.map((name) => chatFunction(name, functions.get(name))),
      tool_choice: choice,
      parallel_tool_calls: body.parallel_tool_calls === false ? false : undefined,
    }),
  }
}

/** Only the names, for translating the answer. Never refuses: the request has been translated before. */
export function readToolNames(body: JsonObject): ToolNames {
  try {
    return createToolNames(declaredTools(body).map(({ identity }) => identity))
  } catch {
    return createToolNames([])
  }
}
