/** Something that a person can cure: the message says what is wrong, then what to do. */
export class Problem extends Error {
  name = 'Problem'
}

const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS'])

/**
 * The cure for a failure of the file system, or the error itself where we know none.
 *
 * @param {string} path
 * @param {NodeJS.ErrnoException} error
 */
export function fileProblem(path, error) {
  if (NOT_WRITABLE.has(error.code)) return notWritable(path)
  if (error.code === 'ENOSPC') return diskFull(path)
  return error
}

export function notWritable(path) {
  return new Problem(
    `Cannot write to ${path}.\nGive this user the right to write there (such as: sudo chown -R "$(id -un)" ${path}), or clone into a folder of your own.`,
  )
}

export function diskFull(path) {
  return new Problem(
    `The disk of ${path} is full.\nThe packages need about 2 GB: free some space, then run the same command again.`,
  )
}
