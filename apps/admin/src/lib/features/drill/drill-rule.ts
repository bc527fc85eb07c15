import type { Api } from '#lib/api/client.ts'
import { DRILL_NAME } from './drill-ground.ts'

/** Quick to fire and quick to forget, and about nobody but the drill's own group. */
export async function openDrillRule(
  api: Api,
  { groupId, channelIds }: { groupId: number; channelIds: number[] },
): Promise<number> {
  const { items } = await api.alerts.rules.list.query({ limit: 500 })
  const known = items.find(({ name }) => name === DRILL_NAME)
  if (known === undefined) {
    const rule = await api.alerts.rules.create.mutate({
      name: DRILL_NAME,
      severity: 'warning',
      metric: 'error_rate',
      operator: '>',
      threshold: 5,
      dimensionFilters: [{ dimension: 'group', op: 'eq', values: [String(groupId)] }],
      windowMinutes: 1,
      forMinutes: 0,
      keepFiringMinutes: 0,
      minSamples: 5,
      repeatMinutes: 0,
      notifyChannels: channelIds,
    })
    return rule.id
  }
  const isReady = known.enabled && channelIds.join() === known.notifyChannels.join()
  if (!isReady) {
    await api.alerts.rules.update.mutate({
      id: known.id,
      version: known.version,
      enabled: true,
      notifyChannels: channelIds,
    })
  }
  return known.id
}
