import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { z } from 'zod'
import { runCommand } from '../run-command.ts'

export interface TestReport {
  passed: number
  failed: number
  /** What did not run here, by name. */
  skipped: string[]
}

const TIMEOUT_MS = 80 * 60_000

const Report = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

/** Runs vitest, showing what it says, and counts. */
export async function runVitest(root: string, args: string[]): Promise<TestReport> {
  const dir = await mkdtemp(join(tmpdir(), 'turnpike-report-'))
  try {
    const file = join(dir, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const { code } = await runCommand('vitest', ['run', ...reporters, ...args], {
      cwd: root,
      timeoutMs: TIMEOUT_MS,
      isShown: true,
    })
    const report = await readFile(file, 'utf8').catch(() => null)
    if (report === null) return { passed: 0, failed: 1, skipped: [] }
    return count(root, Report.parse(JSON.parse(report)), code)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function count(root: string, { testResults }: z.infer<typeof Report>, code: number): TestReport {
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({ status, title: `${relative(root, name)} > ${fullName}` })),
  )
  const failedTests = tests.filter(({ status }) => status === 'failed').length
  // A file that did not load, or left something behind, has failed although none of its tests did.
  const failedFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((assertion) => assertion.status !== 'failed'),
  ).length
  const failed = failedTests + failedFiles
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: tests.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ title }) => title),
  }
}
