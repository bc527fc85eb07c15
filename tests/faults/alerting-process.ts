import { createInterface } from 'node:readline'
import { createDb } from '@turnpike/db'
import { enqueueNotices } from '../../apps/server/src/features/alerts/delivery/enqueue-notices.ts'
import { createJudging } from '../../apps/server/src/features/alerts/judging.ts'
import { createTelling } from '../../apps/server/src/features/alerts/telling.ts'
import { createCountsSource } from '../../apps/server/src/features/ops/queries/source.ts'
import { createEgress } from '../../apps/server/src/shared/egress/egress.ts'
import { createLogger } from '../../apps/server/src/shared/logger.ts'
import { createMailer } from '../../apps/server/src/shared/mail/mailer.ts'
import { createSecretBox } from '../../apps/server/src/shared/secret-box.ts'

// Alerting as the server puts it together, in a process that a test may kill at any moment: each line it reads is a time
// at which it evaluates. Its clock is ahead, so that what the dead held need not be waited for.
const [databaseUrl = '', secretKey = '', aheadMs = '0', name = ''] = process.argv.slice(2)
const { log } = createLogger({ level: 'warn', destination: process.stderr })
const clock = { now: () => Date.now() + Number(aheadMs) }
const database = createDb({ url: databaseUrl, applicationName: name })
const egress = createEgress({ privateUpstreams: ['127.0.0.0/8'] })
const { evaluator } = createJudging({
  database,
  reports: database,
  source: createCountsSource(database.sql),
  enqueue: enqueueNotices,
  clock,
  log,
})
const telling = createTelling({
  db: database.db,
  box: createSecretBox(Buffer.from(secretKey, 'base64')),
  egress,
  mailer: createMailer({ egress, config: async () => null }),
  clock,
  log,
  panelUrl: () => 'https://panel.test',
})

const sending = telling.start()
for await (const line of createInterface({ input: process.stdin })) await evaluator.evaluate(Number(line))
await sending.stop()
await egress.close()
await database.close()
