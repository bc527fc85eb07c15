import { AppError } from './app-error.ts'

/** The promise's result, or AppError `timeout` after `ms`. What the promise does after that is nobody's any more. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    // What had come while this process stood still was in time: it is read before it is missed.
    timer = setTimeout(() => setImmediate(() => reject(new AppError('timeout'))), ms)
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}
