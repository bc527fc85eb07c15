import type { Db } from '@turnpike/db'
import type { Log } from '../../../shared/logger.ts'
import type { SecretBox } from '../../../shared/secret-box.ts'
import type { Config } from './config.ts'
import { configChangeOf } from './config-change.ts'
import { loadConfig } from './load-config.ts'

export const CONFIG_CHANNEL = 'turnpike_config'
/** Changes come by notification; this finds what a lost connection kept from us. */
export const CONFIRM_EVERY_MS = 30_000
/** Without a word from the database for this long, a revoked key could still be served: then nobody is. */
export const CONFIG_MAX_AGE_MS = 15 * 60_000
const LOAD_TIMEOUT_MS = 5_000
/** Several changes of one administrator's act become one reading. */
const DEBOUNCE_MS = 20

/** Keys and owners of keys that were changed. */
export interface ChangedKeys {
  publicIds: string[]
  userIds: number[]
}

export interface ConfigStore {
  current(): Config
  /** Reads again now; rejects when the database is out of reach. */
  reload(): Promise<void>
  /** Called after every reading. */
  onChange(listener: () => void): void
  /** Called with what was announced of keys and their owners, a few together; null = anything may have changed. */
  onKeysChange(listener: (changed: ChangedKeys | null) => void): void
  isTooOld(): boolean
  close(): Promise<void>
}

interface ConfigStoreOptions {
  db: Db
  box: SecretBox
  /** Not the wall clock, which may be put forward. */
  monotonic: () => number
  log: Log
}

/** The configuration in memory, at most a moment behind the database: every change there is announced by a trigger. */
export async function openConfigStore({ db, box, monotonic, log }: ConfigStoreOptions): Promise<ConfigStore> {
  let config = await loadConfig({ db: db.db, box, log })
  let confirmedAt = monotonic()
  let loading: Promise<void> | null = null
  let isStale = false
  let debounce: NodeJS.Timeout | null = null
  const listeners: (() => void)[] = []
  const keyListeners: ((changed: ChangedKeys | null) => void)[] = []
  const changed = { publicIds: new Set<string>(), userIds: new Set<number>(), isConfiguration: false }

  async function load(): Promise<void> {
    const timeout = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => timeout.reject(new Error('Reading the configuration took too long')),
      LOAD_TIMEOUT_MS,
    )
    try {
      config = await Promise.race([loadConfig({ db: db.db, box, log }), timeout.promise])
      confirmedAt = monotonic()
      for (const listener of listeners) listener()
    } finally {
      clearTimeout(timer)
    }
  }

  /** A change during a reading may have been missed by it, so it is followed by another one. */
  async function reload(): Promise<void> {
    isStale = true
    loading ??= (async () => {
      try {
        while (isStale) {
          isStale = false
          await load()
        }
      } finally {
        loading = null
      }
    })()
    return loading
  }

  function reloadQuietly(): void {
    reload().catch((error: unknown) => log.warn({ err: error }, 'the configuration could not be read'))
  }

  function onNotified(payload: string): void {
    const change = configChangeOf(payload)
    if (change.kind === 'key') changed.publicIds.add(change.publicId)
    else if (change.kind === 'user') changed.userIds.add(change.userId)
    else changed.isConfiguration = true
    debounce ??= setTimeout(take, DEBOUNCE_MS)
  }

  function take(): void {
    debounce = null
    if (changed.isConfiguration) reloadQuietly()
    changed.isConfiguration = false
    const publicIds = [...changed.publicIds]
    const userIds = [...changed.userIds]
    changed.publicIds.clear()
    changed.userIds.clear()
    if (publicIds.length + userIds.length > 0) tellOfKeys({ publicIds, userIds })
  }

  function tellOfKeys(keys: ChangedKeys | null): void {
    for (const listener of keyListeners) listener(keys)
  }

  /** For what was announced while nobody could hear it. */
  function confirmAll(): void {
    reloadQuietly()
    tellOfKeys(null)
  }

  const confirm = setInterval(confirmAll, CONFIRM_EVERY_MS)
  const subscription = await db.sql.listen(CONFIG_CHANNEL, onNotified, confirmAll)

  return {
    current: () => config,
    reload,
    onChange: (listener) => void listeners.push(listener),
    onKeysChange: (listener) => void keyListeners.push(listener),
    isTooOld: () => monotonic() - confirmedAt > CONFIG_MAX_AGE_MS,
    async close() {
      clearInterval(confirm)
      if (debounce !== null) clearTimeout(debounce)
      await subscription.unlisten().catch(() => {})
      await loading?.catch(() => {})
    },
  }
}
