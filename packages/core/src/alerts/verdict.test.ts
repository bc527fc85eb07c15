import { describe, expect, it } from 'vitest'
import { verdictOf } from './verdict.ts'

describe('verdictOf', () => {
  it.each([
    [200, 'ok', undefined],
    [204, 'ok', undefined],
    [299, 'ok', undefined],
    [301, 'redirect', 'retry'],
    [400, 'client_error', 'dead'],
    [404, 'client_error', 'dead'],
    [408, 'client_error', 'retry'],
    [410, 'gone', 'disable'],
    [425, 'client_error', 'retry'],
    [429, 'rate_limited', 'retry'],
    [499, 'client_error', 'dead'],
    [500, 'server_error', 'retry'],
    [503, 'server_error', 'retry'],
  ])('takes %i for %s: %s', (status, outcome, next) => {
    expect(verdictOf('generic', status, 'whatever')).toEqual(next === undefined ? { outcome } : { outcome, next })
  })

  it.each([
    ['feishu', '{"code":0,"msg":"success"}', 'ok'],
    ['feishu', '{"code":19021,"msg":"sign match fail"}', 'rejected'],
    ['feishu', '{"code":11232}', 'rate_limited'],
    ['dingtalk', '{"errcode":0,"errmsg":"ok"}', 'ok'],
    ['dingtalk', '{"errcode":310000}', 'rejected'],
    ['dingtalk', '{"errcode":130101}', 'rate_limited'],
    ['wecom', '{"errcode":93000}', 'rejected'],
    ['wecom', '{"errcode":45009}', 'rate_limited'],
    ['wecom', '<html>proxy</html>', 'server_error'],
    ['wecom', '', 'server_error'],
    ['wecom', 'null', 'server_error'],
    ['slack', 'ok', 'ok'],
  ] as const)('reads what %s says inside a 200: %s', (template, body, outcome) => {
    expect(verdictOf(template, 200, body)).toMatchObject({ outcome })
  })
})
