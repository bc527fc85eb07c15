import type { WireProtocol } from '../words.ts'
import { CHAT_TEXT_MEMBERS } from './chat-event-reader.ts'
import { RESPONSES_TEXT_MEMBERS } from './responses-event-reader.ts'

/** Where each protocol is spoken, below an account's base URL. */
export const PATHS: Record<WireProtocol, string> = { chat: '/chat/completions', responses: '/responses' }

/** JSON members that carry visible text in a protocol's events. */
export const TEXT_MEMBERS: Record<WireProtocol, readonly string[]> = {
  chat: CHAT_TEXT_MEMBERS,
  responses: RESPONSES_TEXT_MEMBERS,
}
