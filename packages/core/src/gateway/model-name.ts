import type { WireProtocol } from '../words.ts'
import { applyEdits, type ObjectScan, replaceMember, scanObject } from './json-scan.ts'

/** Puts the name the caller used back in the place of the upstream's, in a JSON answer or in one event. */
export type RestoreModel = (text: string) => string

/** `protocol` tells where the name stands: a chat answer and chunk carry it at the top, a Responses event in `response`. */
export function createRestoreModel(asked: string, upstreamModel: string, protocol: WireProtocol): RestoreModel {
  if (asked === upstreamModel) return (text) => text
  const json = asciiJson(asked)

  return function restore(text) {
    if (!text.includes('"model"')) return text
    const open = text.indexOf('{')
    if (open === -1) return text
    const span = modelSpan(text, scanObject(text, open))
    return span === undefined ? text : applyEdits(text, [replaceMember(span, json)])
  }

  function modelSpan(text: string, { members }: ObjectScan) {
    const response = protocol === 'responses' ? members.get('response') : undefined
    if (response === undefined) return members.get('model')
    return text[response.valueStart] === '{' ? scanObject(text, response.valueStart).members.get('model') : undefined
  }
}

/** Answers are handled as one character per byte, so what is put into them must be ASCII. */
function asciiJson(value: string): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
