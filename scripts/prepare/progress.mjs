const PLAIN_EVERY_MS = 15_000
const CLEAR_LINE = '\r\u001b[K'

/**
 * Lines for a person who waits: on a terminal one line that updates itself, elsewhere a line now and then.
 *
 * @param {NodeJS.WriteStream} out
 */
export function createProgress(out) {
  let plainSince = Date.now()

  function clear() {
    if (out.isTTY) out.write(CLEAR_LINE)
  }

  return {
    clear,
    say(text) {
      clear()
      out.write(`${text}\n`)
      plainSince = Date.now()
    },
    update(text) {
      if (out.isTTY) out.write(`${CLEAR_LINE}  ${text}`)
      else if (Date.now() - plainSince >= PLAIN_EVERY_MS) this.say(`  ${text}`)
    },
  }
}

/** Whole seconds since `startMs`, for people. */
export function secondsSince(startMs) {
  return `${Math.max(1, Math.round((Date.now() - startMs) / 1000))} s`
}
