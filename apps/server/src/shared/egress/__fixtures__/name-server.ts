import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import ipaddr from 'ipaddr.js'

const TYPE_A = 1
const TYPE_AAAA = 28
const NAME_ERROR = 3

/** What to say about a name: addresses of both families, or nothing at all. Undefined = there is no such name. */
export type Zone = (name: string) => string[] | 'silence' | undefined

export interface NameServer {
  /** `127.0.0.1:port`. */
  address: string
  /** Every name asked for, once per question. */
  asked: string[]
  close(): Promise<void>
}

/** A DNS server on loopback UDP that knows what the zone says. */
export async function startNameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, peer) => {
    const { name, end } = readName(query)
    asked.push(name)
    const answer = zone(name)
    if (answer === 'silence') return
    socket.send(reply(query.subarray(0, end + 4), query.readUInt16BE(end), answer), peer.port, peer.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function reply(question: Buffer, type: number, answer: string[] | undefined): Buffer {
  const header = Buffer.from(question.subarray(0, 12))
  const records = (answer ?? [])
    .map((text) => ipaddr.parse(text))
    .filter((address) => (address.kind() === 'ipv4' ? TYPE_A : TYPE_AAAA) === type)
    .map((address) => record(type, Buffer.from(address.toByteArray())))
  header.writeUInt16BE(0x8180 | (answer === undefined ? NAME_ERROR : 0), 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, question.subarray(12), ...records])
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(0, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
