/** A webhook's message as the sandbox took it. */
export interface InboxMessage {
  /** Epoch ms. */
  atMs: number
  /** `webhook-id`; null = it had none. */
  id: string | null
  body: string
}

export interface Inbox {
  add(message: InboxMessage): void
  /** Oldest first. */
  messages: readonly InboxMessage[]
}

const MAX_MESSAGES = 100
const MAX_BODY_CHARS = 65_536

/** Where webhooks may be sent for a try: it keeps the last hundred, the body of each as far as 64 Ki characters. */
export function createInbox(): Inbox {
  const messages: InboxMessage[] = []
  return {
    messages,
    add({ body, ...message }) {
      messages.push({ ...message, body: body.slice(0, MAX_BODY_CHARS) })
      if (messages.length > MAX_MESSAGES) messages.shift()
    },
  }
}
