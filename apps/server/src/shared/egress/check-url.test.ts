import { describe, expect, it } from 'vitest'
import { assertAddressesAllowed, inspectUrl } from './check-url.ts'
import { EgressError } from './egress-error.ts'
import { parsePrivateUpstreams } from './private-upstreams.ts'

const NOTHING_LISTED = parsePrivateUpstreams([])
const SOME_LISTED = parsePrivateUpstreams([
  'vllm:8000',
  'gpu.internal',
  '10.1.0.0/16',
  '127.0.0.1:4000',
  '[fd00::1]:8000',
])

function verdict(url: string, listed = NOTHING_LISTED): string {
  try {
    return inspectUrl(url, listed).origin
  } catch (error) {
    if (error instanceof EgressError) return error.reason
    throw error
  }
}

describe('inspectUrl', () => {
  it.each([
    ['https://api.openai.com/v1', 'https://api.openai.com'],
    ['https://API.OpenAI.com', 'https://api.openai.com'],
    ['https://api.openai.com.', 'https://api.openai.com'],
    ['https://api.openai.com:443/v1', 'https://api.openai.com'],
    ['https://api.openai.com:8443', 'https://api.openai.com:8443'],
    ['https://ａｐｉ.openai.com', 'https://api.openai.com'],
    ['https://bücher.com', 'https://xn--bcher-kva.com'],
    ['https://8.8.8.8/v1', 'https://8.8.8.8'],
    ['https://[2606:4700:4700:0::1111]:8443', 'https://[2606:4700:4700::1111]:8443'],
  ])('%s leads to %s', (url, origin) => {
    expect(verdict(url)).toBe(origin)
  })

  it.each([
    'https://127.0.0.1',
    'https://127.1',
    'https://127.0.1',
    'https://0x7f.1',
    'https://0x7f000001',
    'https://0X7F.0x0.0x0.0x1',
    'https://0177.0.0.1',
    'https://017700000001',
    'https://2130706433',
    'https://127.0.0.1.',
    'https://127.0.0.1:8443/v1',
    'https://１２７.０.０.１',
    'https://①②⑦.⓪.⓪.①',
    'https://127。0。0。1',
    'https://%31%32%37.0.0.1',
    'https://127%2E0.0.1',
    'https://0',
    'https://0.0.0.0',
    'https://00000000000000.1',
    'https://10.0.0.1',
    'https://0xa000001',
    'https://012.1',
    'https://172.16.0.1',
    'https://192.168.1.1',
    'https://3232235777',
    'https://100.64.0.1',
    'https://169.254.169.254/latest/meta-data',
    'https://0xa9fea9fe',
    'https://2852039166',
    'https://0251.0376.0251.0376',
    'https://169.16689662',
    'https://168.63.129.16',
    'https://255.255.255.255',
    'https://224.0.0.1',
    'https://[::1]',
    'https://[::]',
    'https://[0:0:0:0:0:0:0:1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:7f00:1]',
    'https://[::ffff:8.8.8.8]',
    'https://[::127.0.0.1]',
    'https://[64:ff9b::7f00:1]',
    'https://[2002:7f00:1::]',
    'https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    'https://[fe80::1]',
    'https://[fc00::1]',
    'https://[fd00:ec2::254]',
    'https://[ff02::1]',
  ])('refuses the private address in %s', (url) => {
    expect(verdict(url)).toBe('private_address')
  })

  it.each([
    'https://localhost',
    'https://LOCALHOST',
    'https://localhost.',
    'https://ｌｏｃａｌｈｏｓｔ',
    'https://lo%63alhost',
    'https://foo.localhost',
    'https://db',
    'https://printer.local',
    'https://metadata.google.internal/computeMetadata/v1',
    'https://vault.corp',
    'https://instance-data',
    'https://metadata.tencentyun.com',
    'https://nas.home.arpa',
    'https://1.0.0.127.in-addr.arpa',
    'https://hidden.onion',
    'https://server.test',
  ])('refuses the special name in %s', (url) => {
    expect(verdict(url)).toBe('special_name')
  })

  it.each([
    ['http://api.openai.com', 'scheme_not_allowed'],
    ['http://8.8.8.8', 'scheme_not_allowed'],
    ['ftp://api.openai.com', 'scheme_not_allowed'],
    ['gopher://127.0.0.1:6379/_INFO', 'scheme_not_allowed'],
    ['dict://api.openai.com:11211/', 'scheme_not_allowed'],
    ['file:///etc/passwd', 'invalid_url'],
    ['data:text/plain,hi', 'invalid_url'],
    ['javascript:alert(1)', 'invalid_url'],
    ['https://api.openai.com:22', 'port_not_allowed'],
    ['https://api.openai.com:80', 'port_not_allowed'],
    ['https://api.openai.com:0', 'port_not_allowed'],
    ['https://8.8.8.8:6379', 'port_not_allowed'],
    ['https://api.openai.com:65536', 'invalid_url'],
    ['https://me@api.openai.com', 'user_info'],
    ['https://me:secret@api.openai.com', 'user_info'],
    ['https://@api.openai.com', 'user_info'],
    ['https://:@api.openai.com', 'user_info'],
    ['https://api.openai.com@127.0.0.1', 'user_info'],
    ['https://api.openai.com:443@127.0.0.1', 'user_info'],
    ['https://127.0.0.1\\@api.openai.com', 'invalid_url'],
    ['https://api.openai.com\\@127.0.0.1', 'invalid_url'],
    ['https:\\\\127.0.0.1', 'invalid_url'],
    ['https:/api.openai.com', 'invalid_url'],
    ['https:api.openai.com', 'invalid_url'],
    ['https:///api.openai.com', 'invalid_url'],
    ['//api.openai.com', 'invalid_url'],
    ['api.openai.com', 'invalid_url'],
    ['', 'invalid_url'],
    ['https://', 'invalid_url'],
    ['https://a..com', 'invalid_url'],
    ['https://api.openai.com..', 'invalid_url'],
    ['https://-a.com', 'invalid_url'],
    ["https://a'b.com", 'invalid_url'],
    ['https://256.1.1.1', 'invalid_url'],
    ['https://1.2.3.4.5', 'invalid_url'],
    ['https://[::1', 'invalid_url'],
    ['https://[fe80::1%25eth0]', 'invalid_url'],
    ['https://[::1]x', 'invalid_url'],
    [`https://${'a'.repeat(64)}.com`, 'invalid_url'],
    [`https://api.openai.com/${'a'.repeat(2_048)}`, 'invalid_url'],
    [' https://api.openai.com', 'control_character'],
    ['https://api.openai.com ', 'control_character'],
    ['https://api.open\tai.com', 'control_character'],
    ['https://api.openai.com/\r\nHost: x', 'control_character'],
    ['ht\ntps://127.0.0.1', 'control_character'],
    ['https://api.openai.com\u0000.local', 'control_character'],
    ['https://127.0.0.1\u200b', 'control_character'],
    ['https://local\u00adhost', 'control_character'],
    ['https://api.openai.com/\u2028', 'control_character'],
    ['https://api.openai.com/\ud800', 'control_character'],
  ])('refuses %j: %s', (url, reason) => {
    expect(verdict(url)).toBe(reason)
  })

  it.each([
    ['http://vllm:8000/v1', 'http://vllm:8000'],
    ['http://VLLM.:8000', 'http://vllm:8000'],
    ['https://vllm:8000', 'https://vllm:8000'],
    ['http://gpu.internal', 'http://gpu.internal'],
    ['http://gpu.internal:1234', 'http://gpu.internal:1234'],
    ['http://10.1.2.3:8000', 'http://10.1.2.3:8000'],
    ['http://0x0a010203:8000', 'http://10.1.2.3:8000'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['http://[fd00::1]:8000', 'http://[fd00::1]:8000'],
    ['http://10.1.2.3.', 'http://10.1.2.3'],
    ['http://vllm:8001', 'special_name'],
    ['http://gpu.provider.com:8000', 'http://gpu.provider.com:8000'],
    ['http://other.internal', 'special_name'],
    ['http://10.2.0.1', 'private_address'],
    ['http://127.0.0.1:4001', 'private_address'],
    ['http://[::ffff:10.1.2.3]:8000', 'private_address'],
    ['http://[fd00::1]:8001', 'private_address'],
    ['http://8.8.8.8', 'scheme_not_allowed'],
    ['http://me@vllm:8000', 'user_info'],
    ['ftp://vllm:8000', 'scheme_not_allowed'],
  ])('with a private list, %s gives %s', (url, expected) => {
    expect(verdict(url, SOME_LISTED)).toBe(expected)
  })
})

describe('assertAddressesAllowed', () => {
  it.each([
    { kind: 'name', unlessListed: null, addresses: ['8.8.8.8', '2606:4700::1'], reason: null },
    { kind: 'name', unlessListed: null, addresses: [], reason: 'name_not_found' },
    { kind: 'name', unlessListed: null, addresses: ['8.8.8.8', '10.0.0.1'], reason: 'private_address' },
    { kind: 'name', unlessListed: null, addresses: ['10.0.0.1', '8.8.8.8'], reason: 'private_address' },
    { kind: 'name', unlessListed: null, addresses: ['8.8.8.8', '::1'], reason: 'private_address' },
    { kind: 'name', unlessListed: null, addresses: ['not an address'], reason: 'private_address' },
    { kind: 'name', unlessListed: null, addresses: ['8.8.8.8', '10.1.0.1'], reason: null },
    { kind: 'name', unlessListed: 'scheme_not_allowed', addresses: ['10.1.0.1', '10.1.0.2'], reason: null },
    {
      kind: 'name',
      unlessListed: 'scheme_not_allowed',
      addresses: ['10.1.0.1', '8.8.8.8'],
      reason: 'scheme_not_allowed',
    },
    { kind: 'name', unlessListed: 'port_not_allowed', addresses: ['8.8.8.8'], reason: 'port_not_allowed' },
    { kind: 'listed_name', unlessListed: 'scheme_not_allowed', addresses: ['172.17.0.2', '127.0.0.1'], reason: null },
    { kind: 'listed_name', unlessListed: null, addresses: ['fd12::1'], reason: null },
    { kind: 'listed_name', unlessListed: null, addresses: ['169.254.169.254'], reason: 'private_address' },
    { kind: 'listed_name', unlessListed: null, addresses: ['169.254.1.1'], reason: 'private_address' },
    { kind: 'listed_name', unlessListed: null, addresses: ['172.17.0.2', 'fd00:ec2::254'], reason: 'private_address' },
    { kind: 'listed_name', unlessListed: null, addresses: ['0.0.0.0'], reason: 'private_address' },
  ] as const)(
    '$kind to $addresses (unless listed: $unlessListed): $reason',
    ({ addresses, kind, unlessListed, reason }) => {
      const judge = () => assertAddressesAllowed(addresses, { kind, port: 8000, unlessListed }, SOME_LISTED)
      if (reason === null) expect(judge).not.toThrow()
      else expect(judge).toThrow(new EgressError(reason))
    },
  )
})
