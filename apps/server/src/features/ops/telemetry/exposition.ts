export interface Sample {
  /** After the family's name: `_sum`, say. */
  suffix?: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** One family of numbers in Prometheus' text format (exposition format 0.0.4). */
export function familyText(
  { name, help, type }: { name: string; help: string; type: 'counter' | 'histogram' },
  samples: Iterable<Sample>,
): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
  for (const { suffix = '', labels, value } of samples) lines.push(`${name}${suffix}${labelsText(labels)} ${value}`)
  return `${lines.join('\n')}\n`
}

function labelsText(labels: Sample['labels']): string {
  return `{${Object.entries(labels)
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

/** Times in seconds, counted by the first bound that they are not above. */
export class TimeBuckets {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(seconds: number): void {
    this.#count++
    this.#sum += seconds
    for (let at = 0; at < this.#bounds.length; at++) {
      if (seconds > (this.#bounds[at] ?? 0)) continue
      this.#counts[at] = (this.#counts[at] ?? 0) + 1
      return
    }
  }

  /** Each bound with all that is not above it; nothing where nothing was observed. */
  samples(labels: Sample['labels']): Sample[] {
    if (this.#count === 0) return []
    let upTo = 0
    const buckets = this.#bounds.map((bound, at) => {
      upTo += this.#counts[at] ?? 0
      return { suffix: '_bucket', labels: { le: String(bound), ...labels }, value: upTo }
    })
    return [
      ...buckets,
      { suffix: '_bucket', labels: { le: '+Inf', ...labels }, value: this.#count },
      { suffix: '_sum', labels, value: this.#sum },
      { suffix: '_count', labels, value: this.#count },
    ]
  }
}
