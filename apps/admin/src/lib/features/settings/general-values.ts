import type { Settings, SettingsSet } from '@turnpike/core/inputs/settings'
import { changed } from '#lib/forms/changed.ts'
import { parseDecimal, parseLines, parseWhole } from '#lib/forms/lines.ts'

/** The settings of the general page as the form holds them: numbers and lists as text. */
export interface GeneralValues {
  timeZone: string
  slaTargetPercent: string
  gatewayTargetMs: string
  ttftTargetMs: string
  keepAliveMs: string
  stickyWaitMs: string
  codexUserAgents: string
  absoluteHours: string
}

export function valuesOfSettings(settings: Settings): GeneralValues {
  return {
    timeZone: settings.timeZone,
    slaTargetPercent: String(settings['ops.slaTargetPercent']),
    gatewayTargetMs: String(settings['ops.gatewayTargetMs']),
    ttftTargetMs: String(settings['ops.ttftTargetMs']),
    keepAliveMs: String(settings['gateway.keepAliveMs']),
    stickyWaitMs: String(settings['gateway.stickyWaitMs']),
    codexUserAgents: settings['gateway.codexUserAgents'].join('\n'),
    absoluteHours: String(settings['sessions.absoluteHours']),
  }
}

/** Only what differs from what is stored: what somebody else sets meanwhile is left alone. */
export function settingsInput(stored: Settings, values: GeneralValues): SettingsSet {
  return changed(members(valuesOfSettings(stored)), members(values))
}

function members(values: GeneralValues): SettingsSet {
  return {
    timeZone: values.timeZone,
    'ops.slaTargetPercent': parseDecimal(values.slaTargetPercent),
    'ops.gatewayTargetMs': parseDecimal(values.gatewayTargetMs),
    'ops.ttftTargetMs': parseDecimal(values.ttftTargetMs),
    'gateway.keepAliveMs': parseWhole(values.keepAliveMs, Number.NaN),
    'gateway.stickyWaitMs': parseWhole(values.stickyWaitMs, Number.NaN),
    'gateway.codexUserAgents': parseLines(values.codexUserAgents),
    'sessions.absoluteHours': parseWhole(values.absoluteHours, Number.NaN),
  }
}
