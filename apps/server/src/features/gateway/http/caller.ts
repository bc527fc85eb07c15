import type { IncomingMessage } from 'node:http'
import type { Caller } from '@turnpike/core/gateway/call'
import { GatewayError } from '@turnpike/core/gateway/errors'
import type { RateLimits, RatesLeft, Slots } from '@turnpike/core/gateway/ports'
import { isRated } from '@turnpike/core/gateway/rate-window'
import { isWithin } from '../../../http/address-range.ts'
import type { ClientAddress } from '../../../http/client-address.ts'
import type { GroupConfig } from '../config/config.ts'
import type { ConfigStore } from '../config/config-store.ts'
import type { Authenticator } from '../keys/authenticate.ts'
import type { KeyRecord } from '../keys/key-store.ts'
import { presentedKey } from './request-headers.ts'

export interface CallerOf {
  /** Where a request comes from. */
  addressOf(request: IncomingMessage): string
  /** Throws the refusals of authentication, ip_not_allowed. Synchronous where key and group are known. */
  identify(request: IncomingMessage): IdentifiedCaller | Promise<IdentifiedCaller>
  group(key: KeyRecord): GroupConfig
  /** The key as the relay sees its caller. Throws group_unavailable. */
  relayCaller(key: KeyRecord): Caller
  /** What is left of the key's rates and its group's; null = none is set. */
  ratesLeft(key: KeyRecord): RatesLeft | null
}

/** The key of a request and the address it comes from. */
export interface IdentifiedCaller {
  key: KeyRecord
  address: string
}

interface CallerOfOptions {
  authenticator: Authenticator
  config: ConfigStore
  clientAddress: ClientAddress
  slots: Pick<Slots, 'ratesLeft'>
  onKeyUsed(keyId: number): void
}

const NO_RATES: RateLimits = { requestsPerMinute: null, tokensPerMinute: null }

/** Throws ip_not_allowed. */
export function checkAddress(key: KeyRecord, address: string): void {
  if (key.addresses !== null && !isWithin(address, key.addresses)) throw new GatewayError('ip_not_allowed')
}

export function createCallerOf({ authenticator, config, clientAddress, slots, onKeyUsed }: CallerOfOptions): CallerOf {
  function identify(request: IncomingMessage): IdentifiedCaller | Promise<IdentifiedCaller> {
    if (config.isTooOld()) throw new GatewayError('control_plane_unavailable')
    const address = clientAddress(request)
    const found = authenticator.authenticate(presentedKey(request.headers), address)
    return found instanceof Promise ? found.then((key) => admitted(key, address)) : admitted(found, address)
  }

  function admitted(key: KeyRecord, address: string): IdentifiedCaller | Promise<IdentifiedCaller> {
    checkAddress(key, address)
    const used = () => {
      group(key)
      onKeyUsed(key.keyId)
      return { key, address }
    }
    // A group made a moment ago may be known to the database only.
    return config.current().groups.has(key.groupId) ? used() : config.reload().then(used, used)
  }

  function group({ groupId }: KeyRecord): GroupConfig {
    const found = config.current().groups.get(groupId)
    if (found === undefined || found.status !== 'active') throw new GatewayError('group_unavailable')
    return found
  }

  return {
    addressOf: clientAddress,
    identify,
    group,
    relayCaller: (key) => ({
      userId: key.userId,
      userConcurrency: key.userConcurrency,
      keyId: key.keyId,
      keyConcurrency: key.concurrency,
      keyRates: key.rates,
      hasSpendingLimit: key.hasSpendingLimit,
      models: key.models,
      group: group(key),
    }),
    ratesLeft({ keyId, rates: keyRates, groupId }) {
      const groupRates = config.current().groups.get(groupId)?.rates ?? NO_RATES
      return isRated(keyRates, groupRates) ? slots.ratesLeft({ keyId, keyRates, groupId, groupRates }) : null
    },
  }
}
