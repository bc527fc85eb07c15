import { describe, expect, it } from 'vitest'
import { mailText } from './mail-text.ts'
import { type Message, messageOf, pingMessage } from './message.ts'
import type { Notice } from './notice.ts'
import { plainText, webhookBody } from './webhook-body.ts'
import { CHANNEL_TEMPLATES } from './words.ts'

const OF = { id: 'm-1', severity: 'critical', channelName: 'ops', panelUrl: 'https://panel.test' } as const

const NOTICE: Notice = {
  kind: 'firing',
  eventId: 42,
  rule: {
    id: 7,
    name: 'Errors above 5 %',
    description: 'Look at the upstream first.',
    metric: 'error_rate',
    aggregation: 'ratio',
    operator: '>',
    threshold: 5,
    windowMinutes: 5,
    forMinutes: 2,
    runbookUrl: 'https://runbooks.test/errors',
    notifyChannels: [],
    notifyConfig: { sendResolved: true, fallbackChannelId: null },
  },
  severity: 'critical',
  labels: { group: '3' },
  eventLabels: { team: 'core' },
  labelNames: { group: 'standard' },
  episode: 1,
  sequence: 1,
  at: '2026-11-30T12:00:00.000Z',
  value: 12.345678,
  peak: 20,
  firedAt: '2026-11-30T12:00:00.000Z',
  resolvedAt: null,
  resolvedReason: null,
}
const RESOLVED: Notice = {
  ...NOTICE,
  kind: 'resolved',
  value: null,
  resolvedAt: '2026-11-30T12:30:00.000Z',
  resolvedReason: 'rule_disabled',
}

const firing = messageOf({ kind: 'firing', notice: NOTICE }, OF)
const resolved = messageOf({ kind: 'resolved', notice: RESOLVED }, OF)

describe('a message', () => {
  it('tells what fires in words, with values, names and links', () => {
    expect(firing).toMatchObject({
      title: 'Firing: Errors above 5 % (core, standard)',
      summary: 'error_rate (ratio, 5 min) is 12.35; the rule is error_rate > 5.',
      url: 'https://panel.test/alerts/events?event=42',
      isGood: false,
    })
    expect(plainText(firing)).toContain('group: standard\n')
    expect(plainText(firing)).toContain('Runbook: https://runbooks.test/errors')
  })

  it('tells why it is over, and names the same incident', () => {
    expect(resolved).toMatchObject({
      title: 'Resolved: Errors above 5 % (core, standard)',
      summary: 'Over since 2026-11-30T12:30:00.000Z: the rule was switched off.',
      isGood: true,
      incident: firing.incident,
    })
  })

  it('tells how many a digest counts', () => {
    const digest = { count: 17, from: NOTICE.at, to: NOTICE.at, hourlyLimit: 60 }
    expect(messageOf({ kind: 'digest', digest }, OF)).toMatchObject({
      title: '17 more alerts',
      summary: 'The channel "ops" takes 60 messages an hour; 17 more were held back.',
    })
    expect(messageOf({ kind: 'digest', digest: { ...digest, count: 1 } }, OF).title).toBe('1 more alert')
  })

  it('of a rule that fails says that its state is kept', () => {
    expect(messageOf({ kind: 'meta', notice: { ...NOTICE, kind: 'meta' } }, OF).title).toBe(
      'Cannot be evaluated: Errors above 5 %',
    )
  })
})

describe('a webhook body', () => {
  it('is the shape of Standard Webhooks where nobody else reads it', () => {
    expect(webhookBody('generic', firing, null)).toMatchObject({
      type: 'alert.firing',
      timestamp: NOTICE.at,
      data: { id: 'm-1', severity: 'critical', eventId: 42, value: 12.345678, labels: { group: '3' } },
    })
    const ping = pingMessage({ id: 'p', at: NOTICE.at, panelUrl: 'https://panel.test' })
    expect(webhookBody('generic', ping, null)).toMatchObject({ type: 'alert.ping' })
  })

  it('opens an incident of PagerDuty, and closes the same one', () => {
    expect(webhookBody('pagerduty', firing, 'key')).toMatchObject({
      routing_key: 'key',
      event_action: 'trigger',
      dedup_key: 'turnpike-event-42',
      payload: { summary: firing.title, severity: 'critical', source: 'turnpike', timestamp: NOTICE.at },
      links: [{ href: firing.url }, { href: 'https://runbooks.test/errors' }],
    })
    expect(webhookBody('pagerduty', resolved, 'key')).toMatchObject({
      event_action: 'resolve',
      dedup_key: 'turnpike-event-42',
    })
  })

  it.each(CHANNEL_TEMPLATES)('for %s has the title in it', (template) => {
    expect(JSON.stringify(webhookBody(template, firing, 'k'))).toContain('Errors above 5 %')
  })

  const HOSTILE = '<!channel> @everyone [x](https://evil.test) <script>alert(1)</script> <@U1>'
  const hostile = messageOf(
    { kind: 'firing', notice: { ...NOTICE, rule: { ...NOTICE.rule, name: HOSTILE }, labels: { model: HOSTILE } } },
    OF,
  )

  it('lets nothing in a message become a mention or a link', () => {
    const text = (template: Parameters<typeof webhookBody>[0]) => JSON.stringify(webhookBody(template, hostile, null))
    expect(text('slack')).not.toMatch(/<!channel>|<@U1>|<script/)
    expect(text('discord')).toContain('"allowed_mentions":{"parse":[]}')
    expect(text('discord')).not.toContain('[x](')
    expect(text('dingtalk')).toContain('"isAtAll":false')
    expect(Object(webhookBody('wecom', hostile, null)).msgtype).toBe('text')
    expect(text('feishu')).not.toContain('lark_md')
  })

  it('keeps to what receivers take, without cutting a character in two', () => {
    const long: Message = { ...firing, title: '🔥'.repeat(3_000), facts: [{ name: 'n', value: '🔥'.repeat(3_000) }] }
    const wecom = Object(webhookBody('wecom', long, null)).text.content
    expect(new TextEncoder().encode(wecom).length).toBeLessThanOrEqual(2_048)
    const [embed] = Object(webhookBody('discord', long, null)).embeds
    expect([...embed.title].length).toBe(256)
    expect([...embed.fields[0].value].length).toBe(1_024)
    expect(JSON.stringify(webhookBody('pagerduty', long, 'k')).isWellFormed()).toBe(true)
  })
})

describe('a mail', () => {
  it('says severity and title in its subject, in one line', () => {
    const [bad, good] = [mailText(firing), mailText(resolved)]
    expect(bad.subject).toBe('[critical] Firing: Errors above 5 % (core, standard)')
    expect(good.subject).toBe('[ok] Resolved: Errors above 5 % (core, standard)')
    expect(mailText({ ...firing, title: 'a\r\nBcc: evil@evil.test' }).subject).toBe('[critical] a Bcc: evil@evil.test')
    expect(mailText({ ...firing, title: 'x'.repeat(500) }).subject).toHaveLength(200)
  })

  it('has no markup but its own, and no link that a browser would run', () => {
    const { html } = mailText({
      ...firing,
      title: '<img src=x onerror=alert(1)>',
      facts: [{ name: '"\'>', value: '<script>' }],
      runbookUrl: 'javascript:alert(1)',
    })
    expect(html).not.toMatch(/<img|<script|href="javascript/)
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(html).toContain('<a href="https://panel.test/alerts/events?event=42">')
  })
})
