import type { TestProject } from 'vitest/node'
import { startRunDatabase } from './run-database.ts'

/** One server and one migrated template for the whole run; `freshDatabase()` copies it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = await startRunDatabase(process.env.TEST_DATABASE_URL)
  project.provide('runDatabase', run.database)
  return () => run.stop()
}
