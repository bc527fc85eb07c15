import type { ReadRecord } from './record.ts'

/** A stretch of one segment, whole lines from `from` up to `to`. */
export interface Written {
  segment: number
  from: number
  to: number
  records: ReadRecord[]
}

export interface RecentRecords {
  add(written: Written): void
  /** What was written from just this position on, about `maxRecords` of it, once; null = the file has to be read. */
  take(segment: number, position: number, maxRecords: number): { records: ReadRecord[]; position: number } | null
  /** How far the file has to be read where `take` has nothing: up to what it has, or null = as far as it goes. */
  nextFrom(segment: number, position: number): number | null
}

/** What waits longer than this lasts is read back from the file. */
const MAX_RECENT_BYTES = 8 * 1024 * 1024

/** What was written a moment ago, so that bringing it to the ledger need not read it back. The file stays the truth. */
export function createRecentRecords(maxBytes = MAX_RECENT_BYTES): RecentRecords {
  let kept: Written[] = []
  let bytes = 0

  function drop(count: number): void {
    for (const { from, to } of kept.slice(0, count)) bytes -= to - from
    kept = kept.slice(count)
  }

  return {
    add(written) {
      kept.push(written)
      bytes += written.to - written.from
      if (bytes <= maxBytes) return
      // Half at once: one by one, each would move all the others.
      drop(Math.ceil(kept.length / 2))
    },
    take(segment, position, maxRecords) {
      const first = kept.findIndex((each) => each.segment === segment && each.from === position)
      if (first === -1) return null
      const records: ReadRecord[] = []
      let reached = position
      let next = first
      for (; next < kept.length && records.length < maxRecords; next++) {
        const each = kept[next]
        if (each === undefined || each.segment !== segment || each.from !== reached) break
        records.push(...each.records)
        reached = each.to
      }
      // What stands before it was read from the file.
      drop(next)
      return { records, position: reached }
    },
    nextFrom(segment, position) {
      return kept.find((each) => each.segment === segment && each.from > position)?.from ?? null
    },
  }
}
