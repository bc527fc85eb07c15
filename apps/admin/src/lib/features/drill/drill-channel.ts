import type { Api } from '#lib/api/client.ts'
import { DRILL_NAME } from './drill-ground.ts'

/**
 * The channels a drill tells, by their ids: the default ones, as any alert would, and the sandbox's own inbox. That is
 * elsewhere after every start of the server, so its address is set anew.
 */
export async function openDrillChannels(api: Api, inboxUrl: string): Promise<number[]> {
  const { items } = await api.alerts.channels.list.query({ limit: 500 })
  const defaults = items.filter(({ isDefault, enabled }) => isDefault && enabled).map(({ id }) => id)
  const known = items.find(({ name }) => name === DRILL_NAME)
  const config = { url: inboxUrl, template: 'generic' as const }
  if (known === undefined) {
    const { channel } = await api.alerts.channels.create.mutate({ type: 'webhook', name: DRILL_NAME, config })
    return [...defaults, channel.id]
  }
  const isThere = 'url' in known.config && known.config.url === inboxUrl && known.enabled
  if (!isThere) await api.alerts.channels.update.mutate({ id: known.id, version: known.version, config, enabled: true })
  return [...new Set([...defaults, known.id])]
}
