import { describe, expect, it } from 'vitest'
import { DEFAULT_SETTINGS, readSettings, settings, settingsSet } from './settings.ts'

describe('readSettings', () => {
  it('gives the defaults where nothing is stored', () => {
    expect(readSettings([])).toEqual({ settings: DEFAULT_SETTINGS, invalid: [] })
    expect(settings.parse(DEFAULT_SETTINGS)).toEqual(DEFAULT_SETTINGS)
  })

  it('takes what is stored and leaves the others at their defaults', () => {
    const read = readSettings([
      { key: 'timeZone', value: 'Europe/Berlin' },
      { key: 'gateway.codexUserAgents', value: ['mine/'] },
    ])
    expect(read).toEqual({
      settings: { ...DEFAULT_SETTINGS, timeZone: 'Europe/Berlin', 'gateway.codexUserAgents': ['mine/'] },
      invalid: [],
    })
  })

  it.each([
    { key: 'timeZone', value: 'Mars/Olympus' },
    { key: 'timeZone', value: null },
    { key: 'gateway.codexUserAgents', value: 'codex' },
    { key: 'gateway.codexUserAgents', value: [''] },
    { key: 'gateway.keepAliveMs', value: 999 },
    { key: 'gateway.keepAliveMs', value: 60_001 },
    { key: 'gateway.stickyWaitMs', value: '1500' },
    { key: 'sessions.absoluteHours', value: 721 },
  ])('keeps the default of $key where $value is stored, and names it', (row) => {
    expect(readSettings([row])).toEqual({ settings: DEFAULT_SETTINGS, invalid: [row.key] })
  })

  it('passes over rows that are no settings', () => {
    expect(readSettings([{ key: 'something.else', value: 1 }])).toEqual({ settings: DEFAULT_SETTINGS, invalid: [] })
  })
})

describe('settingsSet', () => {
  it('changes what is named and nothing else', () => {
    expect(settingsSet.parse({ 'gateway.keepAliveMs': 5_000 })).toEqual({ 'gateway.keepAliveMs': 5_000 })
    expect(settingsSet.safeParse({ unknown: 1 }).success).toBe(false)
  })
})
