import type { Message } from './message.ts'
import { plainText } from './webhook-body.ts'

const MAX_SUBJECT = 200

/** A message as a mail. Whatever stands in it, the HTML has no more markup than is written here. */
export function mailText(message: Message): { subject: string; text: string; html: string } {
  const subject = `[${message.isGood ? 'ok' : message.severity}] ${message.title}`.replace(/\s+/g, ' ')
  return { subject: [...subject].slice(0, MAX_SUBJECT).join(''), text: plainText(message), html: html(message) }
}

function html({ title, summary, facts, url, runbookUrl }: Message): string {
  const rows = facts.map(
    ({ name, value }) => `<tr><th align="left">${escaped(name)}</th><td>${escaped(value)}</td></tr>`,
  )
  const runbook = runbookUrl === null ? '' : ` · ${link(runbookUrl, 'Runbook')}`
  return [
    '<!doctype html><html><body style="font-family:sans-serif">',
    `<h2>${escaped(title)}</h2><p>${escaped(summary)}</p>`,
    rows.length === 0 ? '' : `<table cellpadding="4">${rows.join('')}</table>`,
    `<p>${link(url, 'Turnpike')}${runbook}</p>`,
    '</body></html>',
  ].join('\n')
}

/** Only what a browser opens as a page becomes a link. */
function link(href: string, text: string): string {
  return /^https?:\/\//i.test(href) ? `<a href="${escaped(href)}">${text}</a>` : escaped(href)
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
