/** The span of the same length that ends where this one begins, as the API takes it. */
export function spanBefore({ from, to }: { from: string; to: string }): { from: string; to: string } {
  const lengthMs = Date.parse(to) - Date.parse(from)
  return { from: new Date(Date.parse(from) - lengthMs).toISOString(), to: from }
}
