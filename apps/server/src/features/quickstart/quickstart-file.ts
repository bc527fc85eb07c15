import { rmSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What scripts may read of a running quick start; the same facts as its banner. */
export interface QuickstartFacts {
  gatewayUrl: string
  panelUrl: string
  adminEmail: string
  adminPassword: string
  apiKey: string
  /** The server's own: TERM to it stops everything. */
  pid: number
}

const NAME = 'quickstart.json'

/** Written whole or not at all, readable by its owner only. */
export async function writeQuickstartFile(dataDir: string, facts: QuickstartFacts): Promise<void> {
  const path = join(dataDir, NAME)
  await writeFile(`${path}.tmp`, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.tmp`, path)
}

export function removeQuickstartFile(dataDir: string): void {
  rmSync(join(dataDir, NAME), { force: true })
}
