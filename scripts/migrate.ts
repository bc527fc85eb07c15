import { migrate } from '@turnpike/db'

/** Brings the database at DATABASE_URL up to date; the server does the same at every start. */
async function run(url: string | undefined): Promise<string> {
  if (!url) throw new Error('Which database? Set DATABASE_URL. `npm start` brings the embedded one up to date itself.')
  await migrate(url)
  return 'The database is up to date.'
}

try {
  process.stdout.write(`${await run(process.env.DATABASE_URL)}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
