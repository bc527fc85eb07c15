import type { RouterOutputs } from '@turnpike/client'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

type Job = RouterOutputs['ops']['jobs']['items'][number]

const NAMES: Record<string, () => string> = {
  'ops.roll-up': m.job_roll_up,
  'ops.partitions': m.job_partitions,
  'ops.clean-up': m.job_clean_up,
}

/** What a job does; one that is not known goes by its name. */
export function jobName(job: string): string {
  return NAMES[job]?.() ?? job
}

/** The gravest first: a job that does not come at all is worse than one that failed and comes again. */
export function jobLook({
  isOverdue,
  lastError,
  lastSucceededAt,
}: Pick<Job, 'isOverdue' | 'lastError' | 'lastSucceededAt'>): Look {
  if (isOverdue) return { tone: 'bad', text: m.job_overdue }
  if (lastError !== null) return { tone: 'bad', text: m.job_failed }
  return lastSucceededAt === null ? { tone: 'neutral', text: m.job_waiting } : { tone: 'ok', text: m.system_ok }
}
