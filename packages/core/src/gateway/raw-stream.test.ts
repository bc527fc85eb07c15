import { describe, expect, test } from 'vitest'
import { settled } from './testing/fake-clock.ts'
import { deliver, expectAllReleasedOnce, world } from './testing/relay-world.ts'

const AUDIO = { 'content-type': 'audio/mpeg' }
const speech = { protocol: null, endpoint: '/v1/audio/speech' } as const

async function speaking(call: Parameters<typeof world>[1] = {}) {
  const run = world({}, { ...speech, ...call })
  await settled()
  const upstream = run.ports.upstream.last()
  upstream.sent()
  upstream.head(200, AUDIO)
  return { ...run, upstream }
}

describe('bytes that are neither JSON nor events', () => {
  test('go through chunk by chunk, with their type, and the end once the outcome is written', async () => {
    const { ports, upstream, answering, responder } = await speaking()
    upstream.data('\x00\xff\n\n')
    const delivered = deliver(answering, responder)
    await settled()
    expect(responder.wire()).toBe('\x00\xff\n\n')
    upstream.data('data: no event')
    upstream.end()
    await delivered
    expect(responder.wire()).toBe('\x00\xff\n\ndata: no event')
    expect(responder.heads[0]).toMatchObject({ status: 200, headers: AUDIO })
    expect(ports.log.slice(-2)).toEqual(['journal end', 'end'])
    expect(ports.ends).toMatchObject([
      { outcome: 'completed', endpoint: '/v1/audio/speech', protocol: null, priceRule: 'delivered', estimated: true },
    ])
    expectAllReleasedOnce(ports)
  })

  test('that break are cut, never ended', async () => {
    const { ports, upstream, answering, responder } = await speaking()
    upstream.data('half')
    const delivered = deliver(answering, responder)
    await settled()
    upstream.error('lost')
    await delivered
    expect(responder.isCut()).toBe(true)
    expect(ports.ends).toMatchObject([{ outcome: 'upstream_cut', errorCode: 'upstream_invalid_response' }])
    expectAllReleasedOnce(ports)
  })

  test('are held back by a caller who does not read', async () => {
    const { upstream, answering, responder } = await speaking()
    responder.setReading(false)
    upstream.data('one')
    const delivered = deliver(answering, responder)
    await settled()
    expect(upstream.isPaused).toBe(true)
    responder.setReading(true)
    expect(upstream.isPaused).toBe(false)
    upstream.end()
    await delivered
  })

  test('are of other endpoints no answer', async () => {
    const run = world()
    await settled()
    const upstream = run.ports.upstream.last()
    upstream.sent()
    upstream.head(200, AUDIO)
    upstream.data('sound')
    upstream.end()
    await expect(run.answering).rejects.toMatchObject({ code: 'upstream_invalid_response' })
  })
})

describe('events of speech, transcripts and images', () => {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`

  test('end with the one that is the last, and its usage counts', async () => {
    const run = world({}, speech)
    await settled()
    const done = event({ type: 'speech.audio.done', usage: { input_tokens: 3, output_tokens: 5 } })
    run.ports.upstream.last().stream(event({ type: 'speech.audio.delta', audio: 'AAAA' }), done, 'data: late\n\n')
    await deliver(run.answering, run.responder)
    expect(run.responder.wire().endsWith(done)).toBe(true)
    expect(run.ports.ends).toMatchObject([{ outcome: 'completed', estimated: false, usage: { outputTokens: 5 } }])
  })

  test('that stop without it are told as broken', async () => {
    const run = world({}, { ...speech, endpoint: '/v1/audio/transcriptions' })
    await settled()
    const upstream = run.ports.upstream.last()
    upstream.stream(event({ type: 'transcript.text.delta', delta: 'one two' }))
    const delivered = deliver(run.answering, run.responder)
    await settled()
    upstream.end()
    await delivered
    expect(run.responder.wire()).toContain('"code":"upstream_invalid_response"')
    expect(run.ports.ends).toMatchObject([{ outcome: 'upstream_cut', usage: { outputTokens: 2 } }])
  })

  test('may tell an error instead', async () => {
    const run = world({}, { ...speech, endpoint: '/v1/images/generations', body: { stream: true } })
    await settled()
    const upstream = run.ports.upstream.last()
    upstream.stream(event({ type: 'image_generation.partial_image', b64_json: '"error": no' }))
    const delivered = deliver(run.answering, run.responder)
    await settled()
    const failed = event({
      type: 'error',
      error: { message: 'no', type: 't', param: null, code: 'moderation_blocked' },
    })
    upstream.data(failed)
    await delivered
    expect(run.responder.wire().endsWith(failed)).toBe(true)
    expect(run.ports.ends).toMatchObject([{ outcome: 'failed' }])
  })
})
