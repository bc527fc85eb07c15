import { type CallItem, openCall } from './call-item.ts'
import type { CallDelta } from './chat-delta.ts'
import type { Emit, OutputItem } from './output-item.ts'
import type { ToolNames } from './tool-names.ts'

interface CallTrackerOptions {
  names: ToolNames
  newId: () => string
  emit: Emit
  /** The output so far; a call joins it when it is opened. */
  items: OutputItem[]
}

interface TrackedCall {
  givenId: string | null
  name: string
  /** Null until the tool's name has come. */
  item: CallItem | null
  held: string
}

/**
 * Puts the pieces of tool calls together. Calls stay open until the answer ends, because servers may interleave them.
 * The index tells which call a piece belongs to; some servers leave it out, or send every call as index 0 with an id of
 * its own.
 */
export function createCallTracker({ names, newId, emit, items }: CallTrackerOptions) {
  const calls: TrackedCall[] = []
  const byIndex = new Map<number, TrackedCall>()
  const callIds = new Set<string>()

  function find({ index, id, name }: CallDelta): TrackedCall | undefined {
    const call = index === null ? calls.at(-1) : byIndex.get(index)
    if (call === undefined) return undefined
    if (id !== null && call.givenId !== null && id !== call.givenId) return undefined
    // Without an id, another name is the only sign of another call; without an index, any name is.
    const isNamedAgain = id === null && name !== '' && call.name !== '' && (index === null || name !== call.name)
    return isNamedAgain ? undefined : call
  }

  function open(call: TrackedCall): CallItem {
    const { name } = call
    // The official clients refuse an answer in which two calls share an id.
    const callId = call.givenId === null || callIds.has(call.givenId) ? `call_${newId()}` : call.givenId
    callIds.add(callId)
    const tool = names.fromChat(name) ?? { kind: 'function', name, namespace: null }
    const id = `${tool.kind === 'custom' ? 'ctc' : 'fc'}_${newId()}`
    const item = openCall({ emit, outputIndex: items.length, id }, tool, callId)
    items.push(item)
    return item
  }

  return {
    add(delta: CallDelta): void {
      let call = find(delta)
      if (call === undefined) {
        call = { givenId: null, name: '', item: null, held: '' }
        calls.push(call)
        if (delta.index !== null) byIndex.set(delta.index, call)
      }
      call.givenId ??= delta.id
      call.held += delta.arguments
      if (call.name === '') call.name = delta.name
      if (call.item === null && call.name !== '') call.item = open(call)
      if (call.item !== null && call.held !== '') {
        call.item.add(call.held)
        call.held = ''
      }
    },
    /** Calls that never got a name are shown as they are, rather than lost. */
    openUnnamed(): void {
      for (const call of calls) {
        if (call.item !== null || call.held === '') continue
        call.item = open(call)
        call.item.add(call.held)
      }
    },
  }
}
