import type { AnswerHead, Responder, WholeAnswer } from '../answer.ts'
import type { GatewayError } from '../errors.ts'

export interface FakeResponder extends Responder {
  /** What the caller has got by now. */
  wire(): string
  heads: AnswerHead[]
  answers: WholeAnswer[]
  errors: GatewayError[]
  /** How often the answer was ended, in whatever way. */
  ends(): number
  isCut(): boolean
  /** From now on the caller reads, or reads no more. */
  setReading(reads: boolean): void
}

/** Records what a caller gets; `note` hears of the parts in their order. */
export function createFakeResponder(note: (what: string) => void = () => {}): FakeResponder {
  let wire = ''
  let ends = 0
  let isCut = false
  let isReading = true
  let onDrained: (() => void) | null = null
  const heads: AnswerHead[] = []
  const answers: WholeAnswer[] = []
  const errors: GatewayError[] = []

  function take(events: string, head: AnswerHead): void {
    if (ends > 0) throw new Error('written after the end')
    heads.push(head)
    wire += events
  }

  return {
    send(answer) {
      note('send')
      ends++
      answers.push(answer)
      wire += answer.body
    },
    write(events, head) {
      note('write')
      take(events, head)
      return isReading
    },
    whenDrained(call) {
      onDrained = call
    },
    writeLast(events, head) {
      note('writeLast')
      take(events, head)
    },
    end(rest) {
      note('end')
      ends++
      wire += rest
    },
    cut() {
      note('cut')
      ends++
      isCut = true
    },
    fail(error) {
      note('fail')
      ends++
      errors.push(error)
    },
    wire: () => wire,
    heads,
    answers,
    errors,
    ends: () => ends,
    isCut: () => isCut,
    setReading(reads) {
      isReading = reads
      if (!reads) return
      onDrained?.()
      onDrained = null
    },
  }
}
