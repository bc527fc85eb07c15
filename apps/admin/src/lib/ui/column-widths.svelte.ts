import type { Attachment } from 'svelte/attachments'

/** Less is rounding. */
const GROWN_PX = 0.5

/**
 * The widths of a table's columns by their ids, as they were while all of its rows were drawn. Once only some of them are,
 * the columns keep those widths, or they would move while other rows come; what needs more room still gets it.
 */
export function createColumnWidths(isHeld: () => boolean) {
  let widths = $state.raw<Record<string, number>>({})

  function watch(id: string): Attachment<HTMLTableCellElement> {
    return (cell) => {
      cell.dataset.column = id
      const observer = new ResizeObserver(() => {
        const hasGrown = widthOf(cell) > (widths[id] ?? 0) + GROWN_PX
        if (hasGrown || !isHeld()) widths = widthsBeside(cell)
      })
      observer.observe(cell)
      return () => observer.disconnect()
    }
  }

  return {
    watch,
    /** Pixels; undefined while the columns take the widths of what is in them. */
    of: (id: string): number | undefined => (isHeld() ? widths[id] : undefined),
  }
}

function widthsBeside(cell: HTMLTableCellElement): Record<string, number> {
  const cells = [...(cell.parentElement?.children ?? [])].filter((each) => each instanceof HTMLTableCellElement)
  return Object.fromEntries(cells.map((each) => [each.dataset.column ?? '', widthOf(each)]))
}

function widthOf(element: HTMLElement): number {
  return element.getBoundingClientRect().width
}
