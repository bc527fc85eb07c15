import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import type { Issue } from './issues.ts'

/** What is wrong with a field, in the page's language. */
export function issueText(issue: Issue): string {
  switch (issue.kind) {
    case 'required':
      return m.issue_required()
    case 'too_short':
      return m.issue_too_short({ min: format.count(issue.min) })
    case 'too_long':
      return m.issue_too_long({ max: format.count(issue.max) })
    case 'too_small':
      return m.issue_too_small({ min: format.count(issue.min) })
    case 'too_big':
      return m.issue_too_big({ max: format.count(issue.max) })
    case 'too_many':
      return m.issue_too_many({ max: format.count(issue.max) })
    case 'not_whole':
      return m.issue_not_whole()
    case 'not_number':
      return m.issue_not_number()
    case 'email':
      return m.issue_email()
    case 'address':
      return m.issue_address()
    case 'money':
      return m.issue_money()
    case 'multiplier':
      return m.issue_multiplier()
    case 'ascii':
      return m.issue_ascii()
    case 'between':
      return m.issue_between({ min: format.count(issue.min), max: format.count(issue.max) })
    case 'wrong_side':
      return m.issue_wrong_side()
    case 'dimension':
      return m.issue_dimension()
    case 'invalid':
      return m.issue_invalid()
  }
}
