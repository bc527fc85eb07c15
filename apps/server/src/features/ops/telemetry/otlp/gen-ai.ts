import type { Endpoint } from '@turnpike/core/words'

/** Names of the OpenTelemetry semantic conventions for generative AI, where they have one; else the endpoint's own word. */
const OPERATIONS = {
  '/v1/chat/completions': 'chat',
  '/v1/responses': 'chat',
  '/v1/completions': 'text_completion',
  '/v1/embeddings': 'embeddings',
  '/v1/moderations': 'moderation',
  '/v1/images/generations': 'image_generation',
  '/v1/audio/speech': 'speech',
  '/v1/audio/transcriptions': 'transcription',
} as const satisfies Record<Endpoint, string>

const API_TYPES: Partial<Record<Endpoint, string>> = {
  '/v1/chat/completions': 'chat_completions',
  '/v1/responses': 'responses',
}

/** Ours that the conventions call otherwise. */
const PROVIDER_NAMES: Record<string, string> = { 'azure-openai': 'azure.ai.openai' }

/** What was asked for; undefined = an address that answers by no model. */
export function operationOf(endpoint: string | null): string | undefined {
  return isEndpoint(endpoint) ? OPERATIONS[endpoint] : undefined
}

export function apiTypeOf(endpoint: string | null): string | undefined {
  return isEndpoint(endpoint) ? API_TYPES[endpoint] : undefined
}

export function providerNameOf(provider: string | null): string | undefined {
  return provider === null ? undefined : (PROVIDER_NAMES[provider] ?? provider)
}

function isEndpoint(text: string | null): text is Endpoint {
  return text !== null && Object.hasOwn(OPERATIONS, text)
}
