import { Refusal } from './refusal.ts'

/** What the sandbox lists when it was not told otherwise; any other name is answered too. */
export const SANDBOX_MODELS = ['sandbox-small', 'sandbox-large', 'sandbox-reasoning', 'sandbox-embedding']
/** Counts tokens roughly, so that a benchmark measures something else. */
export const BENCH_MODEL = 'sandbox-bench'

const CREATED_AT = 1_767_225_600

export interface Models {
  /** @throws Refusal 404 `model_not_found` when there is a closed list without it */
  check(model: string): void
  listBody(): string
  oneBody(id: string): string
}

/** @param only a closed list; null = every name is served */
export function createModels(only: string[] | null): Models {
  const listed = (only ?? SANDBOX_MODELS).map(describe)

  function check(model: string): void {
    if (only === null || only.includes(bareName(model))) return
    const message = `The model \`${bareName(model)}\` does not exist or you do not have access to it.`
    throw new Refusal(404, 'model_not_found', message, 'model')
  }

  return {
    check,
    listBody: () => JSON.stringify({ object: 'list', data: listed }),
    oneBody(id) {
      check(id)
      return JSON.stringify(describe(id))
    },
  }
}

/** Without the `?directive` a model mapping may have added. */
export function bareName(model: string): string {
  const at = model.indexOf('?')
  return at === -1 ? model : model.slice(0, at)
}

function describe(id: string) {
  return { id, object: 'model', created: CREATED_AT, owned_by: 'sandbox' }
}
