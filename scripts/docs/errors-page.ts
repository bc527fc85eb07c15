import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'
import { ERROR_CLASSES } from '@turnpike/core/ops/classify'
import { APP_ERRORS } from '../../apps/server/src/shared/app-error.ts'
import { table } from './table.ts'

/** docs/errors.md: every error the gateway and the API answer with, from the tables that make them. */
export function errorsPage(): string {
  const gateway = Object.entries(GATEWAY_ERRORS).map(([code, { status, type, message }]) => [
    `\`${code}\``,
    String(status),
    `\`${type}\``,
    owners.get(code) ?? '',
    message,
  ])
  const api = Object.entries(APP_ERRORS).map(([reason, { code, message }]) => [`\`${reason}\``, `\`${code}\``, message])
  return [
    '# Errors',
    'Made by `npm run docs` from the tables in the code; do not edit.',
    '## The gateway (`/v1`)',
    'As JSON: `{"error":{"message","type","param","code"}}`; within a stream as its last event. An error of the upstream that is the caller’s own mistake is passed on as it is.',
    table(['code', 'status', 'type', 'whose', 'message'], gateway),
    '## The API (`/trpc`)',
    'A tRPC error with `data: {reason, field, requestId}`.',
    table(['reason', 'tRPC code', 'message'], api),
  ].join('\n\n')
}

const owners = new Map<string, string>(Object.entries(ERROR_CLASSES).map(([code, { owner }]) => [code, owner]))
