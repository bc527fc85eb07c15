export { createDb, type Db, type DbOptions } from './client.ts'
