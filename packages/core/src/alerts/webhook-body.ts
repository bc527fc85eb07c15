import type { Message } from './message.ts'
import type { ChannelTemplate } from './words.ts'

/** What goes into a webhook's body as JSON, in the shape its receiver reads; nothing in a message becomes markup there. */
export function webhookBody(template: ChannelTemplate, message: Message, integrationKey: string | null): object {
  switch (template) {
    case 'generic':
      return generic(message)
    case 'slack':
      return slack(message)
    case 'discord':
      return discord(message)
    case 'feishu':
      return feishu(message)
    case 'dingtalk':
      return { msgtype: 'text', text: { content: cut(plainText(message), MAX_TEXT) }, at: { isAtAll: false } }
    case 'wecom':
      return { msgtype: 'text', text: { content: cut(plainText(message), MAX_WECOM_TEXT) } }
    case 'pagerduty':
      return pagerduty(message, integrationKey ?? '')
  }
}

/** Limits of the receivers, in characters; WeCom's is 2,048 bytes, and a character may take four of them. */
const MAX_TEXT = 4_000
const MAX_WECOM_TEXT = 500
const MAX_DISCORD_TITLE = 256
const MAX_DISCORD_FIELD = 1_024
const MAX_FIELDS = 20
const MAX_PAGER_SUMMARY = 1_024

/** The shape that Standard Webhooks recommends. */
function generic({ kind, id, severity, at, title, summary, url, data }: Message): object {
  return { type: `alert.${kind}`, timestamp: at, data: { id, severity, title, summary, url, ...data } }
}

function slack(message: Message): object {
  const { title, summary, facts, url } = message
  return {
    text: slackText(title),
    attachments: [
      {
        color: COLORS[tone(message)].hex,
        title: slackText(title),
        title_link: url,
        text: slackText(summary),
        fields: facts.slice(0, MAX_FIELDS).map(({ name, value }) => {
          return { title: slackText(name), value: slackText(value), short: value.length < 40 }
        }),
      },
    ],
  }
}

function discord(message: Message): object {
  const { title, summary, facts, url, at } = message
  return {
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: cut(discordText(title), MAX_DISCORD_TITLE),
        url,
        description: cut(discordText(summary), MAX_TEXT),
        color: Number.parseInt(COLORS[tone(message)].hex.slice(1), 16),
        timestamp: at,
        fields: facts.slice(0, MAX_FIELDS).map(({ name, value }) => {
          return { name: cut(discordText(name), MAX_DISCORD_TITLE), value: cut(discordText(value), MAX_DISCORD_FIELD) }
        }),
      },
    ],
  }
}

function feishu(message: Message): object {
  const { title, summary, facts, url } = message
  const lines = [summary, ...facts.map(({ name, value }) => `${name}: ${value}`)]
  return {
    msg_type: 'interactive',
    card: {
      header: { title: { tag: 'plain_text', content: title }, template: COLORS[tone(message)].name },
      elements: [
        { tag: 'div', text: { tag: 'plain_text', content: cut(lines.join('\n'), MAX_TEXT) } },
        {
          tag: 'action',
          actions: [{ tag: 'button', type: 'default', url, text: { tag: 'plain_text', content: 'Turnpike' } }],
        },
      ],
    },
  }
}

/** https://developer.pagerduty.com/docs/events-api-v2: what fires triggers an incident, what is over resolves it. */
function pagerduty(
  { kind, severity, title, summary, facts, at, url, runbookUrl, incident }: Message,
  key: string,
): object {
  const links = [
    { href: url, text: 'Turnpike' },
    ...(runbookUrl === null ? [] : [{ href: runbookUrl, text: 'Runbook' }]),
  ]
  return {
    routing_key: key,
    event_action: kind === 'resolved' ? 'resolve' : 'trigger',
    dedup_key: incident,
    payload: {
      summary: cut(title, MAX_PAGER_SUMMARY),
      source: 'turnpike',
      severity,
      timestamp: at,
      custom_details: { summary, ...Object.fromEntries(facts.map(({ name, value }) => [name, value])) },
    },
    links,
  }
}

/** Title, sentence, facts and link, a line each. */
export function plainText({ title, summary, facts, url, runbookUrl }: Message): string {
  const lines = facts.map(({ name, value }) => `${name}: ${value}`)
  return [title, summary, ...lines, url, ...(runbookUrl === null ? [] : [`Runbook: ${runbookUrl}`])].join('\n')
}

const COLORS = {
  good: { hex: '#2e7d32', name: 'green' },
  info: { hex: '#1565c0', name: 'blue' },
  warning: { hex: '#ef6c00', name: 'orange' },
  critical: { hex: '#c62828', name: 'red' },
} as const

function tone({ isGood, severity }: Message): keyof typeof COLORS {
  return isGood ? 'good' : severity
}

/** https://api.slack.com/reference/surfaces/formatting: these three, and a mention or link can begin no more. */
function slackText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function discordText(text: string): string {
  return text.replace(/[\\*_~`|>[\]()#@<-]/g, '\\$&')
}

function cut(text: string, max: number): string {
  const characters = [...text]
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`
}
