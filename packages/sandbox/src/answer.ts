import type { Ask, Tool } from './ask.ts'
import type { Directive } from './directive.ts'
import { asCount } from './json.ts'
import { sampleOf } from './sample.ts'
import { ofBytes, ofWords, pieces, replyTo, replyToTool } from './text.ts'
import type { Tokenizer } from './tokenizer.ts'

export interface Answer {
  /** The deltas of the text, in order. */
  pieces: string[]
  text: string
  toolCalls: { name: string; arguments: string }[]
  isReasoning: boolean
  /** The token limit ended it. */
  isCut: boolean
  usage: { input: number; cached: number; output: number; reasoning: number }
}

const MAX_TOOL_CALLS = 8
const REASONING_TOKENS = 64
/** What the chat format adds around messages, as OpenAI documents it. */
const TOKENS_PER_MESSAGE = 3
const TOKENS_PER_ANSWER = 3

/** Decides what the sandbox says: a function of the request alone, so the same request always gets the same answer. */
export function composeAnswer(ask: Ask, prompt: string, directive: Directive, tokenizer: Tokenizer): Answer {
  const reasoning = reasoningTokens(ask, directive)
  const toolCalls = callsFor(ask, prompt, directive)
  const whole = toolCalls.length > 0 ? '' : textFor(ask, prompt, directive)
  const room = ask.maxOutputTokens === null ? null : Math.max(0, ask.maxOutputTokens - reasoning)
  const text = room === null || toolCalls.length > 0 ? whole : tokenizer.cut(whole, room)
  const isCut = text.length < whole.length
  const callTokens = toolCalls.reduce((sum, call) => sum + tokenizer.count(call.name + call.arguments), 0)
  const textTokens = isCut && room !== null ? room : tokenizer.count(text)
  const input = inputTokens(ask, tokenizer)
  return {
    pieces: pieces(text, directive.events),
    text,
    toolCalls,
    isReasoning: reasoning > 0,
    isCut,
    usage: {
      input,
      cached: Math.min(input, directive.cachedTokens ?? 0),
      output: reasoning + callTokens + textTokens,
      reasoning,
    },
  }
}

function inputTokens(ask: Ask, tokenizer: Tokenizer): number {
  const texts = ask.inputTexts.reduce((sum, text) => sum + tokenizer.count(text), 0)
  return texts + ask.inputItems * TOKENS_PER_MESSAGE + TOKENS_PER_ANSWER
}

function reasoningTokens(ask: Ask, directive: Directive): number {
  const wanted = directive.reasoningTokens ?? (ask.model.includes('reasoning') ? REASONING_TOKENS : 0)
  return Math.min(wanted, ask.maxOutputTokens ?? wanted)
}

function textFor(ask: Ask, prompt: string, directive: Directive): string {
  if (directive.text !== undefined) return directive.text
  if (directive.bytes !== undefined) return ofBytes(directive.bytes)
  if (ask.schema !== null) return JSON.stringify(sampleOf(ask.schema))
  const reply = ask.toolResult === null ? replyTo(prompt) : replyToTool(ask.toolResult)
  const words = asCount(directive.words ?? directive.events)
  return words === null ? reply : ofWords(reply, words)
}

/** Calls a tool when the caller insists, or when the prompt names it; never twice for one prompt. */
function callsFor(ask: Ask, prompt: string, directive: Directive): Answer['toolCalls'] {
  const { tools, toolChoice } = ask
  if (tools.length === 0 || toolChoice.kind === 'none' || ask.toolResult !== null) return []
  if (directive.tool !== undefined) {
    const wanted = tools.filter((tool) => tool.name === directive.tool)
    return wanted.map((tool) => callTo(tool, directive.arguments))
  }
  if (toolChoice.kind === 'named')
    return tools.filter((tool) => tool.name === toolChoice.name).map((tool) => callTo(tool))
  const named = tools.filter((tool) => mentions(prompt, tool.name))
  const wanted = named.length === 0 && toolChoice.kind === 'required' ? tools.slice(0, 1) : named
  return wanted.slice(0, ask.isParallel ? MAX_TOOL_CALLS : 1).map((tool) => callTo(tool))
}

function callTo(tool: Tool, given?: Record<string, unknown>): Answer['toolCalls'][number] {
  return { name: tool.name, arguments: JSON.stringify(given ?? sampleOf(tool.parameters)) }
}

function mentions(prompt: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return name !== '' && new RegExp(`(^|[^\\w-])${escaped}($|[^\\w-])`).test(prompt)
}
