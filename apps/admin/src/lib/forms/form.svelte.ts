import type { z } from 'zod'
import { isSignedOut, type Problem, toProblem } from '#lib/api/problem.ts'
import { reasonText } from '#lib/api/reason-text.ts'
import { getApp } from '#lib/app-context.ts'
import { issueText } from './issue-text.ts'
import { issueAt, issuesByField } from './issues.ts'
import { createUnsavedGuard } from './unsaved.svelte.ts'

interface FormOptions<Values extends object, Schema extends z.ZodType, Answer> {
  /** What the fields hold at first, as typed. */
  values: Values
  /** The schema the server checks with. What it makes of the input stays there: the input itself is sent. */
  schema: Schema
  toInput(values: Values): z.input<Schema>
  send(input: z.input<Schema>): Promise<Answer>
  onDone(answer: Answer): void
  /** Why the server refused, in the page's language, where the reason alone does not say it. */
  explain?(problem: Problem): string
  /** False where nothing is lost by leaving: a question rather than a draft. */
  isDraft?: boolean
  /** True where the form is its page rather than a sheet of it: it stays when only the address's parameters change. */
  isPage?: boolean
}

/**
 * A form over a schema shared with the server. A field shows what is wrong with it once it was left or sent; the
 * server's refusal stands at its field until that changes. What was typed stays, whatever happens, and is not left
 * without asking.
 */
export function createForm<Values extends object, Schema extends z.ZodType, Answer>({
  values: initial,
  schema,
  toInput,
  send,
  onDone,
  explain = ({ reason }) => reasonText(reason),
  isDraft = true,
  isPage = false,
}: FormOptions<Values, Schema, Answer>) {
  const { session } = getApp()
  const values = $state(initial)
  const first = JSON.stringify(initial)
  /** The values as they were last in agreement with the server. */
  let settled = $state(first)
  const touched = $state<Record<string, boolean>>({})
  let wasSent = $state(false)
  let isSending = $state(false)
  let refusal = $state.raw<{ problem: Problem; sent: string } | null>(null)

  const input = $derived(toInput(values))
  const issues = $derived.by(() => {
    const parsed = schema.safeParse(input)
    return parsed.success ? {} : issuesByField(parsed.error.issues)
  })
  /** Void as soon as anything was changed: then it is for the server to say again. */
  const standing = $derived(refusal !== null && refusal.sent === JSON.stringify(input) ? refusal.problem : null)

  const isDirty = $derived(JSON.stringify(values) !== settled)
  const unsaved = createUnsavedGuard(() => isDraft && isDirty, { isPage })

  function error(field: string): string | null {
    const issue = touched[field] || wasSent ? issueAt(issues, field) : null
    if (issue) return issueText(issue)
    return standing && isAt(standing, field) ? explain(standing) : null
  }

  async function submit(event?: SubmitEvent): Promise<void> {
    event?.preventDefault()
    wasSent = true
    if (isSending) return
    if (Object.keys(issues).length > 0) return focusFirstError(event)
    const sent = JSON.stringify(input)
    isSending = true
    try {
      const answer = await send(input)
      settled = JSON.stringify(values)
      onDone(answer)
    } catch (thrown) {
      const problem = toProblem(thrown)
      if (isSignedOut(problem)) session.expire()
      refusal = { problem, sent }
      focusFirstError(event)
    } finally {
      isSending = false
    }
  }

  return {
    values,
    error,
    submit,
    unsaved,
    /** As it was at first, for the next one. */
    reset(): void {
      Object.assign(values, JSON.parse(first))
      settled = first
      wasSent = false
      for (const field of Object.keys(touched)) touched[field] = false
    },
    touch(field: string): void {
      touched[field] = true
    },
    /** True while something was typed that the server does not have. */
    get isDirty() {
      return isDirty
    },
    /** Whether it could be sent as it stands. */
    get isValid() {
      return Object.keys(issues).length === 0
    },
    get isSending() {
      return isSending
    },
    /** The refusal, for the foot of the form: wherever its field is, it is told there as well. */
    get problem() {
      return standing
    },
    get problemText() {
      return standing && explain(standing)
    },
  }
}

function isAt({ field: at }: Problem, field: string): boolean {
  return at !== null && (at === field || at.startsWith(`${field}.`))
}

function focusFirstError(event: SubmitEvent | undefined): void {
  const form = event?.target
  if (!(form instanceof HTMLFormElement)) return
  // After the errors are drawn.
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
}
