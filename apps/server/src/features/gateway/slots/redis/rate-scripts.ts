import { script } from './script.ts'

/**
 * Rates of the last 60 s (core's rate-window): a hash of second → amount. A second counts until 60 s after its end, as
 * nobody knows when in it its last event was.
 */
export const RATES = `
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local second = math.floor(now_ms / 1000)
local MINUTE = 60000

local function window(key)
  local found = { key = key, total = 0, buckets = {} }
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local index, amount = tonumber(all[i]), tonumber(all[i + 1])
    if (index + 1) * 1000 + MINUTE <= now_ms then
      redis.call('HDEL', key, all[i])
    else
      found.total = found.total + amount
      found.buckets[#found.buckets + 1] = { index, amount }
    end
  end
  table.sort(found.buckets, function(a, b) return a[1] < b[1] end)
  return found
end

local function ms_until_fits(found, amount, most)
  local total = found.total
  if total + amount <= most then return 0 end
  for _, bucket in ipairs(found.buckets) do
    total = total - bucket[2]
    if total + amount <= most then return (bucket[1] + 1) * 1000 + MINUTE - now_ms end
  end
  return MINUTE
end

local function add(found, amount)
  redis.call('HINCRBY', found.key, second, amount)
  redis.call('EXPIRE', found.key, 120)
  found.total = found.total + amount
  found.buckets[#found.buckets + 1] = { second, amount }
end

-- Remaining, and ms until all is free again.
local function left(found, most)
  local newest = found.buckets[#found.buckets]
  local reset = newest and (newest[1] + 1) * 1000 + MINUTE - now_ms or 0
  return math.max(0, most - found.total), math.min(reset, MINUTE)
end

-- Limits of -1 are none. Returns the refusing rate (0 none, 1 requests, 2 tokens), the wait, and the windows.
local function check(requests_key, tokens_key, requests_limit, tokens_limit, tokens)
  local requests = requests_limit >= 0 and window(requests_key) or nil
  local spent = tokens_limit >= 0 and window(tokens_key) or nil
  local requests_wait = requests and ms_until_fits(requests, 1, requests_limit) or 0
  local tokens_wait = spent and ms_until_fits(spent, tokens, tokens_limit) or 0
  local refusing = requests_wait > 0 and 1 or tokens_wait > 0 and 2 or 0
  return refusing, math.max(requests_wait, tokens_wait), requests, spent
end

local function told(requests, spent, requests_limit, tokens_limit)
  local requests_left, requests_reset, tokens_left, tokens_reset = -1, 0, -1, 0
  if requests then requests_left, requests_reset = left(requests, requests_limit) end
  if spent then tokens_left, tokens_reset = left(spent, tokens_limit) end
  return { second, requests_left, requests_reset, tokens_left, tokens_reset }
end
`

/** Counts in the rates of a group. KEYS requests, tokens; ARGV limits, tokens. Returns what refuses, the wait, the rates. */
export const COUNT = script(
  RATES,
  `
local requests_limit, tokens_limit, tokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local refusing, wait, requests, spent = check(KEYS[1], KEYS[2], requests_limit, tokens_limit, tokens)
if refusing == 0 then
  if requests then add(requests, 1) end
  if spent then add(spent, tokens) end
end
local became = refusing == 1 and 'requests' or refusing == 2 and 'tokens' or 'counted'
return { became, wait, told(requests, spent, requests_limit, tokens_limit) }
`,
)

/** What COUNT would answer, with nothing counted. */
export const LOOK_AT_RATES = script(
  RATES,
  `
local requests_limit, tokens_limit, tokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local refusing, wait, requests, spent = check(KEYS[1], KEYS[2], requests_limit, tokens_limit, tokens)
local became = refusing == 1 and 'requests' or refusing == 2 and 'tokens' or 'counted'
return { became, wait, told(requests, spent, requests_limit, tokens_limit) }
`,
)

/** Corrects what was counted. KEYS requests, tokens; ARGV second, requests to take back, tokens to take back (< 0: to add). */
export const CORRECT = script(
  RATES,
  `
local function take_back(key, amount)
  local counted = tonumber(redis.call('HGET', key, ARGV[1]) or 0)
  local taken = math.min(amount, counted)
  if taken > 0 and redis.call('HINCRBY', key, ARGV[1], -taken) <= 0 then redis.call('HDEL', key, ARGV[1]) end
end
local requests, tokens = tonumber(ARGV[2]), tonumber(ARGV[3])
take_back(KEYS[1], requests)
if tokens > 0 then take_back(KEYS[2], tokens) end
if tokens < 0 then add(window(KEYS[2]), -tokens) end
return {}
`,
)
