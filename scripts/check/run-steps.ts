import type { CommandResult } from '../run-command.ts'
import type { Step } from './steps.ts'

export interface Tally {
  passed: number
  failed: number
}

const AT_A_TIME = 2

/** Runs the steps, says a line about each as it ends, and what the failed ones said. */
export async function runSteps(steps: Step[], say: (text: string) => void): Promise<Tally> {
  const waiting = [...steps]
  const failures: { name: string; output: string }[] = []

  async function work(): Promise<void> {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const result = await step.run()
      say(lineOf(step.name, result))
      if (result.code !== 0) failures.push({ name: step.name, output: result.output })
    }
  }

  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  for (const { name, output } of failures) say(`\n── ${name} ──\n${output.trim()}`)
  return { passed: steps.length - failures.length, failed: failures.length }
}

function lineOf(name: string, { code, durationMs }: CommandResult): string {
  return `${code === 0 ? '✓' : '✗'} ${name} (${(durationMs / 1000).toFixed(1)} s)`
}
