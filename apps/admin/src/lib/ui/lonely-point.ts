/** Whether a value stands between two gaps, where a line would not show it. */
export function isLonely(values: ArrayLike<number | null | undefined>, index: number): boolean {
  return isThere(values[index]) && !isThere(values[index - 1]) && !isThere(values[index + 1])
}

function isThere(value: number | null | undefined): boolean {
  return value !== null && value !== undefined
}
