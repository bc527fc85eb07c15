/** Names whose last labels never lead to a public upstream: RFC 6761, RFC 6762, RFC 9476, ICANN's reservation, and habit. */
const SPECIAL_ENDINGS = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'arpa',
  'test',
  'invalid',
  'example',
  'onion',
  'alt',
]

/** Names under which clouds offer their metadata service, beside those that end in `.internal`. */
const METADATA_NAMES = [
  'metadata.goog',
  'metadata.tencentyun.com',
  'metadata.packet.net',
  'metadata.platformequinix.com',
  'metadata.cloud.ibm.com',
]

/** Whether a canonical name (lower case, no final dot) means something other than a host on the internet. */
export function isSpecialName(name: string): boolean {
  if (!name.includes('.')) return true
  return METADATA_NAMES.includes(name) || SPECIAL_ENDINGS.some((ending) => name.endsWith(`.${ending}`))
}
