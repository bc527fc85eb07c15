import type { JsonObject } from '../json.ts'

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'
export type Emit = (type: string, members: JsonObject) => void

/** Where an item announces itself and what happens to it. */
export interface ItemPlace {
  emit: Emit
  outputIndex: number
  id: string
}

/** One item of `response.output` while it grows. Closing emits its last events, once. */
export interface OutputItem {
  close(status: 'completed' | 'incomplete'): void
  /** The item as far as it has grown; `incomplete` where it was cut off. */
  snapshot(): JsonObject
}

export interface MessageItem extends OutputItem {
  add(kind: 'output_text' | 'refusal', delta: string, logprobs?: JsonObject[]): void
}

interface Part {
  kind: 'output_text' | 'refusal'
  text: string
  logprobs: JsonObject[]
}

/** A message of the assistant: text and refusals, each a content part of its own. */
export function openMessage({ emit, outputIndex, id }: ItemPlace): MessageItem {
  const parts: Part[] = []
  let status: ItemStatus = 'in_progress'

  function at() {
    return { item_id: id, output_index: outputIndex, content_index: parts.length - 1 }
  }

  function item(): JsonObject {
    return { id, type: 'message', status, role: 'assistant', content: parts.map(partObject) }
  }

  function openPart(kind: Part['kind']): Part {
    closePart()
    const part: Part = { kind, text: '', logprobs: [] }
    parts.push(part)
    emit('response.content_part.added', { ...at(), part: partObject(part) })
    return part
  }

  function closePart(): void {
    const part = parts.at(-1)
    if (part === undefined) return
    if (part.kind === 'refusal') emit('response.refusal.done', { ...at(), refusal: part.text })
    else emit('response.output_text.done', { ...at(), text: part.text, logprobs: part.logprobs })
    emit('response.content_part.done', { ...at(), part: partObject(part) })
  }

  emit('response.output_item.added', { output_index: outputIndex, item: item() })
  return {
    add(kind, delta, logprobs = []) {
      const last = parts.at(-1)
      const part = last?.kind === kind ? last : openPart(kind)
      part.text += delta
      part.logprobs.push(...logprobs)
      if (kind === 'refusal') emit('response.refusal.delta', { ...at(), delta })
      else emit('response.output_text.delta', { ...at(), delta, logprobs })
    },
    close(finalStatus) {
      if (status !== 'in_progress') return
      closePart()
      status = finalStatus
      emit('response.output_item.done', { output_index: outputIndex, item: item() })
    },
    snapshot: item,
  }
}

function partObject({ kind, text, logprobs }: Part): JsonObject {
  if (kind === 'refusal') return { type: 'refusal', refusal: text }
  return { type: 'output_text', text, annotations: [], logprobs: [...logprobs] }
}

export interface ReasoningItem extends OutputItem {
  add(delta: string): void
}

/** The model's thoughts, as a summary of one part: the form that clients show. */
export function openReasoning({ emit, outputIndex, id }: ItemPlace): ReasoningItem {
  const at = { item_id: id, output_index: outputIndex, summary_index: 0 }
  let text = ''
  let isClosed = false

  function item(): JsonObject {
    return { id, type: 'reasoning', summary: text === '' ? [] : [{ type: 'summary_text', text }] }
  }

  emit('response.output_item.added', { output_index: outputIndex, item: item() })
  emit('response.reasoning_summary_part.added', { ...at, part: { type: 'summary_text', text } })
  return {
    add(delta) {
      text += delta
      emit('response.reasoning_summary_text.delta', { ...at, delta })
    },
    close() {
      if (isClosed) return
      isClosed = true
      emit('response.reasoning_summary_text.done', { ...at, text })
      emit('response.reasoning_summary_part.done', { ...at, part: { type: 'summary_text', text } })
      emit('response.output_item.done', { output_index: outputIndex, item: item() })
    },
    snapshot: item,
  }
}
