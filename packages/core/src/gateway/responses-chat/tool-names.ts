/** A tool as the Responses API calls it. */
export interface ToolIdentity {
  kind: 'function' | 'custom'
  name: string
  namespace: string | null
}

/** Both names of every tool: chat knows neither namespaces nor custom tools, so each becomes a function of its own name. */
export interface ToolNames {
  toChat(tool: Pick<ToolIdentity, 'name' | 'namespace'>): string
  /** Null for a name the request did not declare: models invent some. */
  fromChat(chatName: string): ToolIdentity | null
}

/** What OpenAI allows in a function's name. */
const MAX_NAME_CHARS = 64
const NAME_CHARS_BEFORE_SUFFIX = 56
/** Codex's namespace of tools that have none: a call without namespace goes there. */
const DEFAULT_NAMESPACE = 'functions'

/**
 * Names depend on the declared tools and their order alone, so the request and its answer, translated apart, agree.
 * A tool declared twice keeps its first name.
 */
export function createToolNames(declared: readonly ToolIdentity[]): ToolNames {
  const chatNames = new Map<string, string>()
  const tools = new Map<string, ToolIdentity>()
  const suffixes = new Map<string, number>()

  function unusedName(flat: string): string {
    const stem = flat.slice(0, NAME_CHARS_BEFORE_SUFFIX)
    let name = flat.slice(0, MAX_NAME_CHARS)
    while (tools.has(name)) {
      const suffix = (suffixes.get(stem) ?? 1) + 1
      suffixes.set(stem, suffix)
      name = `${stem}_${suffix}`
    }
    return name
  }

  for (const tool of declared) {
    const key = keyOf(tool)
    if (chatNames.has(key)) continue
    const name = unusedName(flatName(tool))
    chatNames.set(key, name)
    tools.set(name, tool)
  }

  return {
    toChat: (tool) => chatNames.get(keyOf(tool)) ?? flatName(tool).slice(0, MAX_NAME_CHARS),
    fromChat: (chatName) => tools.get(chatName) ?? null,
  }
}

function flatName({ name, namespace }: Pick<ToolIdentity, 'name' | 'namespace'>): string {
  const legal = name.replace(/[^a-zA-Z0-9_-]/g, '_')
  if (namespace === null || namespace === DEFAULT_NAMESPACE) return legal
  const prefix = namespace.replace(/[^a-zA-Z0-9_-]/g, '_')
  return prefix.endsWith('__') ? prefix + legal : `${prefix}__${legal}`
}

function keyOf({ name, namespace }: Pick<ToolIdentity, 'name' | 'namespace'>): string {
  return JSON.stringify([namespace === DEFAULT_NAMESPACE ? null : namespace, name])
}
