/** The two members in which chat servers send a model's thoughts. */
export type ReasoningMember = 'reasoning_content' | 'reasoning'

/**
 * Servers that write `reasoning_content` (DeepSeek, Moonshot) refuse a history of tool calls without it; servers that
 * write `reasoning` (Groq, vLLM) need nothing back, and some refuse it. The client returns the item with its id, so the
 * id remembers which it was.
 */
const RETURNED = 'rs_rc_'
const KEPT = 'rs_'

export function reasoningId(member: ReasoningMember, unique: string): string {
  return (member === 'reasoning_content' ? RETURNED : KEPT) + unique
}

/** True where the upstream wants the text of this reasoning item back. */
export function isReturned(id: unknown): boolean {
  return typeof id === 'string' && id.startsWith(RETURNED)
}
