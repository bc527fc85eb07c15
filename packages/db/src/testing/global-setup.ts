import type { TestProject } from 'vitest/node'
import { type RunDatabase, startRunDatabase } from './run-database.ts'

declare module 'vitest' {
  interface ProvidedContext {
    runDatabase: RunDatabase
  }
}

/** One server and one migrated template for the whole run; `freshDatabase()` copies it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { database, stop } = await startRunDatabase(process.env.TEST_DATABASE_URL)
  project.provide('runDatabase', database)
  return stop
}
