const MAX_ECHOED_CHARS = 200
const FILLER =
  'The road is clear and the barrier is up, so the words keep rolling along one after another until there are enough of them'.split(
    ' ',
  )

/** What the sandbox says to a prompt: always the same to the same. */
export function replyTo(prompt: string): string {
  const echo = excerpt(prompt)
  if (echo === '') return 'Hello from the sandbox! You wrote nothing, and that arrived safely.'
  return `Hello from the sandbox! You wrote: “${echo}” – and every word of it arrived safely.`
}

export function replyToTool(result: string): string {
  return `The tool answered: “${excerpt(result)}” – thank you, that is all I needed.`
}

/** `text` repeated or cut to exactly `count` words. */
export function ofWords(text: string, count: number): string {
  const words = text.split(' ').slice(0, count)
  while (words.length < count) words.push(FILLER[words.length % FILLER.length] ?? 'on')
  return words.join(' ')
}

/** A text of exactly `bytes` bytes, ASCII only. */
export function ofBytes(bytes: number): string {
  const line = `${FILLER.join(' ')}. `
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes)
}

/** The deltas of a stream: one per word, or exactly `events` of nearly equal length. Never cuts a surrogate pair. */
export function pieces(text: string, events: number | undefined): string[] {
  const words = text.match(/\s*\S+\s*?(?=\s|$)|\s+/g) ?? []
  if (events === undefined || words.length === events) return words
  const units = words.length > events ? words : Array.from(text)
  return Array.from({ length: events }, (_, index) => {
    const from = Math.floor((index * units.length) / events)
    return units.slice(from, Math.floor(((index + 1) * units.length) / events)).join('')
  })
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  const characters = Array.from(line.slice(0, 2 * (MAX_ECHOED_CHARS + 1)))
  return characters.length > MAX_ECHOED_CHARS ? `${characters.slice(0, MAX_ECHOED_CHARS - 1).join('')}…` : line
}
