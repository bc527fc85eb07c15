import { m } from '#lib/paraglide/messages.js'
import type { DrillReach, FaultKind } from './drill-plan.ts'
import type { DrillStep } from './drill-steps.ts'

const FAULTS = {
  status: m.fault_status,
  html: m.fault_html,
  slow_first_byte: m.fault_slow_first_byte,
  no_answer: m.fault_no_answer,
  headers_only: m.fault_headers_only,
  stall: m.fault_stall,
  cut: m.fault_cut,
  malformed_json: m.fault_malformed_json,
  truncated_json: m.fault_truncated_json,
  empty: m.fault_empty,
  missing_usage: m.fault_missing_usage,
  wrong_usage: m.fault_wrong_usage,
  error_event: m.fault_error_event,
  no_terminal: m.fault_no_terminal,
  huge_line: m.fault_huge_line,
  header_bomb: m.fault_header_bomb,
  gzip_bomb: m.fault_gzip_bomb,
  redirect: m.fault_redirect,
  endless: m.fault_endless,
  split: m.fault_split,
  duplicate_keys: m.fault_duplicate_keys,
  informational: m.fault_informational,
  content_type: m.fault_content_type,
} satisfies Record<FaultKind, () => string>

const STATUSES: Record<string, () => string> = {
  '401': m.fault_status_401,
  '429': m.fault_status_429,
  '500': m.fault_status_500,
  '503': m.fault_status_503,
  '529': m.fault_status_529,
}

const REACHES = { both: m.drill_reach_both, first: m.drill_reach_first } satisfies Record<DrillReach, () => string>

const STEPS = {
  fault: m.drill_step_fault,
  failover: m.drill_step_failover,
  errors: m.drill_step_errors,
  alert: m.drill_step_alert,
  message: m.drill_step_message,
  recovery: m.drill_step_recovery,
} satisfies Record<DrillStep, () => string>

/** A choice of `drillFaults` in words. */
export function faultText(fault: string): string {
  const [kind = '', status = ''] = fault.split(':')
  const text = STATUSES[status] ?? Object.entries(FAULTS).find(([name]) => name === kind)?.[1]
  return text?.() ?? fault
}

export function reachText(reach: DrillReach): string {
  return REACHES[reach]()
}

export function stepText(step: DrillStep): string {
  return STEPS[step]()
}
