import { chatAnswer, sendJson, startRawUpstream } from './raw-upstream.ts'

/** An upstream that keeps everybody waiting until it is told to go on. */
export async function startGatedUpstream() {
  const waiting: (() => void)[] = []
  let isOpen = false
  const upstream = await startRawUpstream((response) => {
    if (isOpen) sendJson(response, chatAnswer())
    else waiting.push(() => sendJson(response, chatAnswer()))
  })
  return {
    ...upstream,
    answerOne: () => waiting.shift()?.(),
    open() {
      isOpen = true
      for (const answer of waiting.splice(0)) answer()
    },
  }
}
