import type { TestReport } from './vitest.ts'

/** The end of a run: what did not run and why, then `N passed, N failed`. With `CI=true` a skip is a failure. */
export function summarize({ passed, failed, skipped }: TestReport, isCi: boolean): { text: string; isGreen: boolean } {
  const total = failed + (isCi ? skipped.length : 0)
  return {
    text: `${listSkipped(skipped, isCi)}${passed} passed, ${total} failed\n`,
    isGreen: total === 0 && passed > 0,
  }
}

function listSkipped(skipped: string[], isCi: boolean): string {
  if (skipped.length === 0) return ''
  const names = skipped.map((name) => `  ${name}\n`).join('')
  const verdict = isCi ? 'CI=true makes that a failure' : '.ci/run installs what they need'
  return `\nSkipped for want of something on this machine (${verdict}):\n${names}\n`
}
