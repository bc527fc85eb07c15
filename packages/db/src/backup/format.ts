import { type FileHandle, open } from 'node:fs/promises'
import { z } from 'zod'

/**
 * A backup is one gzip stream: a head line, then per table a section line and frames (a line with a number of bytes, then
 * those bytes of PostgreSQL's COPY text format; a frame of 0 bytes ends the table), then an end line. A file that was cut
 * has no end line.
 */
export const BackupHead = z.object({
  format: z.literal('turnpike-backup'),
  version: z.literal(1),
  createdAt: z.string(),
  /** How many migrations its schema had seen. */
  migrations: z.number().int().positive(),
  /** Partitions that must be there before rows are. */
  partitions: z.array(z.string()),
  /** Tables in the order in which they can be filled. */
  tables: z.array(z.string()),
})
export type BackupHead = z.infer<typeof BackupHead>

export const BackupSection = z.object({ table: z.string(), columns: z.array(z.string()) })
export type BackupSection = z.infer<typeof BackupSection>

export const BackupEnd = z.object({
  rows: z.record(z.string(), z.number()),
  /** Last value of each sequence; null = never used. */
  sequences: z.record(z.string(), z.string().nullable()),
})
export type BackupEnd = z.infer<typeof BackupEnd>

/** What is wrong with a backup, or with where it is to be put, in words for whoever types the command. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

export function line(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

/** Read, or made anew and for its owner's eyes alone. Throws BackupError where that cannot be. */
export async function openBackup(path: string, flags: 'r' | 'wx'): Promise<FileHandle> {
  try {
    return await open(path, flags, 0o600)
  } catch (cause) {
    throw new BackupError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
