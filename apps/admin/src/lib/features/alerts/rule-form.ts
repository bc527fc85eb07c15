import type { RuleValues } from './rule-values.ts'

/** What the parts of the rule's form share. */
export interface RuleForm {
  values: RuleValues
  error(field: string): string | null
  touch(field: string): void
}
