import { startEmbeddedPostgres } from '../start-postgres.ts'

/** Starts a server in the directory named on the command line and lives until a signal ends it. */
const { url, pid } = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '' })
process.stdout.write(`${JSON.stringify({ url, pid })}\n`)
