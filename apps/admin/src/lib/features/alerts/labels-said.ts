import { dimensionText } from './metric-text.ts'

/** Labels in one line, for where there is no room for more; empty where there are none. */
export function labelsSaid(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${dimensionText(name)} ${value}`)
    .join(' · ')
}
