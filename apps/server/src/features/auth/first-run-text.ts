/** What the server prints where nobody owns the installation yet: who reads it becomes the owner. */
export function firstRunText(panelUrl: string, token: string): string {
  return [
    '',
    '  This installation has no owner yet. Open this address and choose e-mail and password:',
    '',
    `    ${panelUrl}/setup#${token}`,
    '',
    '  It works once. Whoever opens it first owns the installation.',
    '',
    '',
  ].join('\n')
}
