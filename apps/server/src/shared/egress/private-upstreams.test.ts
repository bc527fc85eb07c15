import { describe, expect, it } from 'vitest'
import { parsePrivateUpstreams } from './private-upstreams.ts'

describe('parsePrivateUpstreams', () => {
  it.each([
    { entry: 'vllm', name: 'vllm', port: 1, has: true },
    { entry: 'VLLM', name: 'vllm', port: 1, has: true },
    { entry: 'vllm:8000', name: 'vllm', port: 8000, has: true },
    { entry: 'vllm:8000', name: 'vllm', port: 8001, has: false },
    { entry: 'vllm', name: 'vllm.evil.com', port: 1, has: false },
    { entry: 'vllm', name: 'my-vllm', port: 1, has: false },
    { entry: 'my_service.internal:80', name: 'my_service.internal', port: 80, has: true },
  ])('$entry lists the name $name on port $port: $has', ({ entry, name, port, has }) => {
    expect(parsePrivateUpstreams([entry]).hasName(name, port)).toBe(has)
  })

  it.each([
    { entry: '10.0.0.5', address: '10.0.0.5', port: 1, has: true },
    { entry: '10.0.0.5', address: '10.0.0.6', port: 1, has: false },
    { entry: '10.0.0.5:80', address: '10.0.0.5', port: 80, has: true },
    { entry: '10.0.0.5:80', address: '10.0.0.5', port: 81, has: false },
    { entry: '10.0.0.0/8', address: '10.255.255.255', port: 1, has: true },
    { entry: '10.0.0.0/8', address: '11.0.0.0', port: 1, has: false },
    { entry: '10.0.0.0/8:80', address: '10.1.1.1', port: 80, has: true },
    { entry: '10.0.0.0/8:80', address: '10.1.1.1', port: 443, has: false },
    { entry: 'fd00::1', address: 'fd00:0:0::1', port: 1, has: true },
    { entry: '[fd00::1]', address: 'fd00::1', port: 1, has: true },
    { entry: '[fd00::1]:80', address: 'fd00::1', port: 81, has: false },
    { entry: 'fd00::/8', address: 'fdff::1', port: 1, has: true },
    { entry: '[fd00::/8]:80', address: 'fdff::1', port: 80, has: true },
    { entry: 'fd00::/8', address: '10.0.0.1', port: 1, has: false },
    { entry: '10.0.0.0/8', address: '::ffff:10.0.0.1', port: 1, has: false },
    { entry: '169.254.0.0/16', address: '169.254.1.1', port: 1, has: true },
    { entry: '169.254.0.0/16', address: '169.254.169.254', port: 1, has: false },
    { entry: '169.254.169.254', address: '169.254.169.254', port: 1, has: false },
    { entry: '10.0.0.0/8', address: 'vllm', port: 1, has: false },
  ])('$entry lists $address on port $port: $has', ({ entry, address, port, has }) => {
    expect(parsePrivateUpstreams([entry]).hasAddress(address, port)).toBe(has)
  })

  it.each([
    { entry: '', fault: 'not a host' },
    { entry: 'http://vllm', fault: 'the port' },
    { entry: '*.internal', fault: 'not a host' },
    { entry: 'a b', fault: 'not a host' },
    { entry: 'vllm/24', fault: 'not a host' },
    { entry: '127.1', fault: 'not a host' },
    { entry: '0x7f.0.0.1', fault: 'not a host' },
    { entry: '2130706433', fault: 'not a host' },
    { entry: '256.0.0.1', fault: 'not a host' },
    { entry: '[fe80::1%eth0]', fault: 'not a host' },
    { entry: 'vllm:', fault: 'the port' },
    { entry: 'vllm:0', fault: 'the port' },
    { entry: 'vllm:65536', fault: 'the port' },
    { entry: 'vllm:http', fault: 'the port' },
    { entry: '0.0.0.0/0', fault: 'the prefix' },
    { entry: '::/0', fault: 'the prefix' },
    { entry: '10.0.0.0/33', fault: 'the prefix' },
    { entry: 'fd00::/129', fault: 'the prefix' },
    { entry: '10.0.0.5/8', fault: 'the network is 10.0.0.0/8' },
    { entry: 'fd00::1/8', fault: 'the network is fd00::/8' },
  ])('names $entry as unreadable: $fault', ({ entry, fault }) => {
    expect(() => parsePrivateUpstreams(['vllm', entry])).toThrow(
      new RegExp(`^TURNPIKE_PRIVATE_UPSTREAMS: ${JSON.stringify(entry).replace(/[[\]*.]/g, '\\$&')}: ${fault}`),
    )
  })
})
