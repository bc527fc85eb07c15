const LOOK_FOR_PARENT_MS = 250
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/**
 * Aborts on Ctrl-C and TERM, and when the shell of the npm script is gone: npm hands a TERM to that shell only,
 * which dies of it without a word to us.
 */
export function stopSignal() {
  const controller = new AbortController()
  let exitCode = 1
  const stop = (name) => {
    exitCode = EXIT_CODES[name]
    controller.abort()
  }
  for (const name of Object.keys(EXIT_CODES)) process.on(name, stop)
  const parent = process.ppid
  const watch = setInterval(() => process.ppid !== parent && stop('SIGTERM'), LOOK_FOR_PARENT_MS)
  watch.unref()
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    close() {
      clearInterval(watch)
      for (const name of Object.keys(EXIT_CODES)) process.off(name, stop)
    },
  }
}
