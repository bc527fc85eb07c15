import { readFile } from 'node:fs/promises'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { createPrometheus } from './prometheus.ts'

const DASHBOARD = new URL('../../../../../../deploy/grafana/turnpike.json', import.meta.url)
const METRIC = /\b(?:turnpike|nodejs|process)_[a-z0-9_]+/g

test('every number the Grafana dashboard asks for is told', async () => {
  const prometheus = createPrometheus({
    instanceId: 'i-1',
    version: '1',
    providerOf: () => 'openai',
    gauges: () => ({
      inFlight: 0,
      openStreams: 0,
      waiters: 0,
      accountsAvailable: 0,
      accountsTotal: 0,
      heldSlots: 0,
      leakedSlots: 0,
      journalBytes: 0,
      ledgerStranded: 0,
      ledgerLost: 0,
      isDatabaseUp: true,
      isRedisUp: true,
      errors: { produced: 0, stored: 0, folded: 0, dropped: { queueFull: 0, database: 0, closed: 0 }, waiting: 0 },
      spansDropped: 0,
    }),
  })
  prometheus.record(makeOutcome())
  const told = new Set((await prometheus.text()).split('\n').map((line) => /^[a-z_0-9]+/i.exec(line)?.[0]))
  const { panels }: { panels: { targets: { expr: string }[] }[] } = JSON.parse(await readFile(DASHBOARD, 'utf8'))
  const asked = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(METRIC) ?? [])))
  expect(asked.size).toBeGreaterThan(15)
  expect([...asked].filter((name) => !told.has(name))).toEqual([])
})
