import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

const RESULTS = join(import.meta.dirname, '../../test-results/frames')
/** Longer, and scrolling no longer looks like one movement. */
const LONG_MS = 50

/** How long frames took, milliseconds; `longShare` of them took more than 50. */
export interface FrameTimes {
  frames: number
  medianMs: number
  p95Ms: number
  worstMs: number
  longShare: number
}

/** Does something while the page counts its animation frames; what came of it is kept under `name`. */
export async function frameTimes(page: Page, name: string, act: () => Promise<void>): Promise<FrameTimes> {
  await page.evaluate(() => {
    const times: number[] = []
    Reflect.set(globalThis, 'frameTimes', times)
    const note = (at: number) => {
      times.push(at)
      if (Reflect.get(globalThis, 'frameTimes') === times) requestAnimationFrame(note)
    }
    requestAnimationFrame(note)
  })
  await act()
  const at = await page.evaluate<number[]>(() => {
    const times = Reflect.get(globalThis, 'frameTimes')
    Reflect.set(globalThis, 'frameTimes', null)
    return times
  })
  const took = at.slice(1).map((time, index) => time - (at[index] ?? time))
  const figures = summaryOf(took)
  await mkdir(RESULTS, { recursive: true })
  await writeFile(join(RESULTS, `${name}.json`), JSON.stringify({ name, ...figures, took }))
  process.stdout.write(
    `${name}: ${figures.frames} frames, median ${figures.medianMs} ms, p95 ${figures.p95Ms} ms, worst ${figures.worstMs} ms, ${(100 * figures.longShare).toFixed(1)} % over ${LONG_MS} ms\n`,
  )
  return figures
}

function summaryOf(took: readonly number[]): FrameTimes {
  const sorted = took.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(10 * (sorted[Math.floor(share * (sorted.length - 1))] ?? 0)) / 10
  return {
    frames: sorted.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    worstMs: at(1),
    longShare: took.filter((ms) => ms > LONG_MS).length / Math.max(1, took.length),
  }
}
