import { join } from 'node:path'
import { type CommandResult, runCommand } from '../run-command.ts'
import { checkMigrations } from './migrations.ts'

export interface Step {
  name: string
  run(): Promise<CommandResult>
}

const TIMEOUT_MS = 900_000
const TYPESCRIPT_PROJECTS = ['packages/core', 'packages/db', 'packages/client', 'packages/sandbox', 'apps/server', '.']

/** Everything `npm run check` looks at, the slow ones first: two run at a time. */
export function checkSteps(root: string): Step[] {
  return [
    { name: 'types of the panel', run: () => checkPanel(root) },
    ...TYPESCRIPT_PROJECTS.map((project) => ({
      name: `types of ${project === '.' ? 'scripts and tests' : project}`,
      run: () => tool(root, ['tsc', '--noEmit', '--project', project]),
    })),
    { name: 'promises and walls of names (oxlint)', run: () => tool(root, ['oxlint', '--type-aware']) },
    { name: 'dead code (knip)', run: () => tool(root, ['knip', '--no-progress', '--treat-config-hints-as-errors']) },
    {
      name: 'walls of imports (dependency-cruiser)',
      run: () => tool(root, ['depcruise', '--output-type', 'err-long', 'apps', 'packages', 'scripts', 'lint', 'tests']),
    },
    { name: 'format and lint (biome)', run: () => tool(root, ['biome', 'check', '--error-on-warnings']) },
    { name: 'text of components', run: () => tool(root, ['node', 'lint/main.ts']) },
    { name: 'documentation made from the code', run: () => tool(root, ['node', 'scripts/docs.ts', '--check']) },
    { name: 'migrations', run: () => checkMigrations(root) },
  ]
}

/** What SvelteKit and Paraglide generate goes with every `npm install`, so it is made anew first. */
async function checkPanel(root: string): Promise<CommandResult> {
  const cwd = join(root, 'apps', 'admin')
  const startMs = performance.now()
  for (const [command, ...args] of [
    ['node', 'compile-messages.ts'],
    ['svelte-kit', 'sync'],
    ['svelte-check', '--tsgo', '--tsconfig', './tsconfig.json', '--fail-on-warnings', '--output', 'human'],
  ] as const) {
    const result = await runCommand(command, args.slice(), { cwd, timeoutMs: TIMEOUT_MS })
    if (result.code !== 0 || command === 'svelte-check') return { ...result, durationMs: performance.now() - startMs }
  }
  throw new Error('svelte-check is the last step')
}

function tool(cwd: string, [command = '', ...args]: string[]): Promise<CommandResult> {
  return runCommand(command, args, { cwd, timeoutMs: TIMEOUT_MS })
}
