import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classifyAddress, normalizeAddress } from './classify-address.ts'

/** Half of each family; `npm run soak` takes a million. */
const ADDRESSES = Number(process.env.SOAK_ADDRESSES ?? 20_000)

describe('classifyAddress', () => {
  it.each([
    ['1.1.1.1', 'public'],
    ['8.8.8.8', 'public'],
    ['9.255.255.255', 'public'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'public'],
    ['100.63.255.255', 'public'],
    ['100.64.0.0', 'shared'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.0', 'public'],
    ['126.255.255.255', 'public'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['128.0.0.0', 'public'],
    ['169.253.255.255', 'public'],
    ['169.254.0.1', 'link_local'],
    ['169.255.0.0', 'public'],
    ['172.15.255.255', 'public'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.0.0.9', 'special'],
    ['192.0.1.0', 'public'],
    ['192.0.2.1', 'special'],
    ['192.31.196.1', 'special'],
    ['192.52.193.1', 'special'],
    ['192.88.99.1', 'special'],
    ['192.167.255.255', 'public'],
    ['192.168.0.1', 'private'],
    ['192.169.0.0', 'public'],
    ['192.175.48.1', 'special'],
    ['198.17.255.255', 'public'],
    ['198.18.0.0', 'special'],
    ['198.19.255.255', 'special'],
    ['198.20.0.0', 'public'],
    ['198.51.100.7', 'special'],
    ['203.0.113.7', 'special'],
    ['0.0.0.0', 'special'],
    ['0.255.255.255', 'special'],
    ['1.0.0.0', 'public'],
    ['223.255.255.255', 'public'],
    ['224.0.0.0', 'special'],
    ['239.255.255.255', 'special'],
    ['240.0.0.0', 'special'],
    ['255.255.255.255', 'special'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['192.0.0.192', 'metadata'],
  ])('%s is %s', (address, range) => {
    expect(classifyAddress(address)).toBe(range)
  })

  it.each([
    ['2606:4700:4700::1111', 'public'],
    ['2a00:1450:4001::8a', 'public'],
    ['2000::', 'public'],
    ['3ffd:ffff::1', 'public'],
    ['::', 'special'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::127.0.0.1', 'special'],
    ['::8.8.8.8', 'special'],
    ['::ffff:127.0.0.1', 'special'],
    ['::ffff:8.8.8.8', 'special'],
    ['::ffff:7f00:1', 'special'],
    ['::ffff:0:127.0.0.1', 'special'],
    ['64:ff9b::8.8.8.8', 'special'],
    ['64:ff9b::7f00:1', 'special'],
    ['64:ff9b:1::1', 'special'],
    ['100::1', 'special'],
    ['1fff:ffff::1', 'special'],
    ['2001::1', 'special'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'special'],
    ['2001:2::1', 'special'],
    ['2001:10::1', 'special'],
    ['2001:20::1', 'special'],
    ['2001:1ff:ffff::1', 'special'],
    ['2001:200::1', 'public'],
    ['2001:db8::1', 'special'],
    ['2001:db9::1', 'public'],
    ['2002:7f00:1::', 'special'],
    ['2002:808:808::', 'special'],
    ['2003::1', 'public'],
    ['2620:4f:8000::1', 'special'],
    ['3ffe::1', 'special'],
    ['3fff::1', 'special'],
    ['3fff:fff:ffff::1', 'special'],
    ['3fff:1000::1', 'public'],
    ['4000::1', 'special'],
    ['5f00::1', 'special'],
    ['fc00::1', 'unique_local'],
    ['fdff::1', 'unique_local'],
    ['fe00::1', 'special'],
    ['fe80::1', 'link_local'],
    ['febf::1', 'link_local'],
    ['fec0::1', 'special'],
    ['ff02::1', 'special'],
    ['fd00:ec2::254', 'metadata'],
    ['FD00:0EC2:0:0:0:0:0:254', 'metadata'],
  ])('%s is %s', (address, range) => {
    expect(classifyAddress(address)).toBe(range)
  })

  it.each([
    '',
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '127.0.0.1.',
    ' 127.0.0.1',
    '256.0.0.1',
    '1.2.3.4.5',
    '[::1]',
    '::1%lo',
    'fe80::1%eth0',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    'localhost',
  ])('%j is no canonical address', (text) => {
    expect(classifyAddress(text)).toBe('not_an_address')
    expect(normalizeAddress(text)).toBeNull()
  })

  it(`agrees with a second, simpler reading of the registries on ${ADDRESSES} addresses`, { timeout: 600_000 }, () => {
    const anywhere = fc.integer({ min: 0, max: 0xffff_ffff })
    const nearAnEdge = fc
      .tuple(fc.constantFrom(...NON_PUBLIC_IPV4.flat()), fc.integer({ min: -2, max: 2 }))
      .map(([edge, distance]) => Math.min(0xffff_ffff, Math.max(0, edge + distance)))
    fc.assert(
      fc.property(fc.oneof(anywhere, nearAnEdge), (value) => {
        expect(classifyAddress(dotted(value)) === 'public').toBe(isPublicIpv4(value))
      }),
      { numRuns: ADDRESSES / 2 },
    )
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
    const head = fc.constantFrom(
      0x2001,
      0x2002,
      0x2000,
      0x3fff,
      0x3ffe,
      0x2620,
      0x2606,
      0,
      0x64,
      0xfc00,
      0xfe80,
      0xff02,
    )
    const nearARange = fc
      .tuple(head, fc.constantFrom(0, 1, 0x1ff, 0x200, 0xdb8, 0x4f, 0xfff, 0x1000, 0xff9b), groups)
      .map(([first, second, rest]) => [first, second, ...rest.slice(2)])
    fc.assert(
      fc.property(fc.oneof(groups, nearARange), (address) => {
        const text = address.map((group) => group.toString(16)).join(':')
        expect(classifyAddress(text) === 'public').toBe(isPublicIpv6(address))
      }),
      { numRuns: ADDRESSES / 2 },
    )
  })
})

/** First and last address. */
const NON_PUBLIC_IPV4: [number, number][] = [
  [0x0000_0000, 0x00ff_ffff],
  [0x0a00_0000, 0x0aff_ffff],
  [0x6440_0000, 0x647f_ffff],
  [0x7f00_0000, 0x7fff_ffff],
  [0xa83f_8110, 0xa83f_8110],
  [0xa9fe_0000, 0xa9fe_ffff],
  [0xac10_0000, 0xac1f_ffff],
  [0xc000_0000, 0xc000_00ff],
  [0xc000_0200, 0xc000_02ff],
  [0xc01f_c400, 0xc01f_c4ff],
  [0xc034_c100, 0xc034_c1ff],
  [0xc058_6300, 0xc058_63ff],
  [0xc0a8_0000, 0xc0a8_ffff],
  [0xc0af_3000, 0xc0af_30ff],
  [0xc612_0000, 0xc613_ffff],
  [0xc633_6400, 0xc633_64ff],
  [0xcb00_7100, 0xcb00_71ff],
  [0xe000_0000, 0xffff_ffff],
]

function isPublicIpv4(value: number): boolean {
  return !NON_PUBLIC_IPV4.some(([first, last]) => value >= first && value <= last)
}

function isPublicIpv6([first = 0, second = 0, third = 0]: number[]): boolean {
  if (first < 0x2000 || first > 0x3fff) return false
  if (first === 0x2001) return second >= 0x200 && second !== 0xdb8
  if (first === 0x2002 || first === 0x3ffe) return false
  if (first === 0x3fff) return second >= 0x1000
  return !(first === 0x2620 && second === 0x4f && third === 0x8000)
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.')
}
