import type { RelayPorts } from './ports.ts'
import { type Ending, outcomeOf, type Story } from './story.ts'

/** Writes the request's one outcome. Resolves when the journal has it; a request that reached no upstream leaves no row. */
export async function conclude(story: Story, ending: Ending, ports: RelayPorts): Promise<void> {
  const { isInLedger } = story.diagnostics
  const outcome = outcomeOf(story, ending, ports)
  story.reservation?.settle(outcome.billedNano)
  if (isInLedger) story.admission?.settleTokens(outcome.usage.inputTokens + outcome.usage.outputTokens)
  else story.admission?.withdraw()
  if (isInLedger) await ports.journal.end(outcome)
  ports.onOutcome(outcome, story.diagnostics)
}
