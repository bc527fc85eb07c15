/** How a state is meant; a badge draws each in its colour and its shape. */
export type Tone = 'neutral' | 'ok' | 'warn' | 'bad' | 'info'

/** A state as it is shown. */
export interface Look {
  tone: Tone
  text: () => string
}
