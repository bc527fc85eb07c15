import { Fault } from '@turnpike/sandbox'

/** How long a fault holds unasked, and at most: a drill that nobody ends is over by itself. */
export const DEFAULT_FAULT_SECONDS = 300
export const MAX_FAULT_SECONDS = 3_600
/** What one answer may be made to hold here: the sandbox shares this process's memory. */
export const MAX_FAULT_BYTES = 64 * 2 ** 20

/** Every fault of the sandbox, always with an end. */
export const faultInput = Fault.superRefine((fault, context) => {
  if ((fault.forSeconds ?? 0) > MAX_FAULT_SECONDS) {
    context.addIssue({ code: 'too_big', maximum: MAX_FAULT_SECONDS, origin: 'number', path: ['forSeconds'] })
  }
  if ('bytes' in fault && fault.bytes > MAX_FAULT_BYTES) {
    context.addIssue({ code: 'too_big', maximum: MAX_FAULT_BYTES, origin: 'number', path: ['bytes'] })
  }
}).transform(({ forSeconds = DEFAULT_FAULT_SECONDS, ...fault }) => ({ ...fault, forSeconds }))
