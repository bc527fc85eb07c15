import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIGRATIONS_FOLDER, migrate } from '../migrate.ts'

interface Journal {
  entries: unknown[]
}

/** How many migrations this version knows. */
export async function migrationCount(): Promise<number> {
  return (await readJournal(MIGRATIONS_FOLDER)).entries.length
}

/** Brings the database to the schema it had after its first `count` migrations; later ones stay to be made. */
export async function migrateTo(url: string, count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'turnpike-migrations-'))
  try {
    await cp(MIGRATIONS_FOLDER, folder, { recursive: true })
    const journal = await readJournal(folder)
    const early: Journal = { ...journal, entries: journal.entries.slice(0, count) }
    await writeFile(journalPath(folder), JSON.stringify(early))
    await migrate(url, { folder })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readJournal(folder: string): Promise<Journal> {
  return JSON.parse(await readFile(journalPath(folder), 'utf8'))
}

function journalPath(folder: string): string {
  return join(folder, 'meta', '_journal.json')
}
