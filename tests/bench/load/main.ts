import { drive } from './drive.ts'
import type { Work } from './work.ts'

process.once('disconnect', () => process.exit())
process.on('message', (work: Work) => {
  drive(work).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
