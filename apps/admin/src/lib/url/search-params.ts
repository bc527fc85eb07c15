/** What is read of an address, whoever holds it. */
type Params = Pick<URLSearchParams, 'get'>

/**
 * The page's address with some parameters changed: null, undefined and the empty string take one out. Parameters keep
 * their order, so that the same view has the same address.
 */
export function withParams(
  url: { pathname: string; search: string },
  changes: Record<string, string | number | null | undefined>,
): string {
  const params = new URLSearchParams(url.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') params.delete(name)
    else params.set(name, String(value))
  }
  const search = params.toString()
  return search === '' ? url.pathname : `${url.pathname}?${search}`
}

/** A positive whole number, or undefined where the address holds none. */
export function readId(params: Params, name: string): number | undefined {
  const value = params.get(name)
  if (value === null || !/^[1-9]\d{0,14}$/.test(value)) return undefined
  return Number(value)
}

/** One of a closed list, or undefined. */
export function readOneOf<const T extends string>(params: Params, name: string, values: readonly T[]): T | undefined {
  const value = params.get(name)
  return values.find((each) => each === value)
}

/** Text without blanks around it, cut to what the API takes; undefined where there is none. */
export function readText(params: Params, name: string, max = 200): string | undefined {
  return params.get(name)?.trim().slice(0, max) || undefined
}

/** An instant as ISO 8601; undefined where there is none. */
export function readInstant(params: Params, name: string): string | undefined {
  const at = new Date(params.get(name) ?? '')
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}
