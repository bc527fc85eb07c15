import { RATES } from './rate-scripts.ts'
import { script } from './script.ts'

/** Keys are renewed with every use; what is left of an owner nobody asks for goes after a day. */
const KEEP_SECONDS = 86_400

/**
 * One side of an owner (a user with his keys, or an account) lives under one hash tag:
 * KEYS[1] `held`: a hash of `<instance>|<part>` → slots held, the part being the key's id, or 0;
 * KEYS[2] `queue`: a list of `<instance>|<request>|<part>|<limit of the part>`, in order of arrival;
 * KEYS[3] `granted`: a hash of request → instance, of all that hold a slot: what is said twice counts once.
 *
 * What an instance that is known to be dead left does not count and is removed. An instance nobody knows of counts, and is
 * reported: it may have come a moment ago. ARGV[1] me, [2] the living, [3] the dead, [4] limit, [5] part, [6] its limit,
 * [7] request.
 */
const SIDE = `
local function set_of(text)
  local set = {}
  for id in string.gmatch(text, '[^,]+') do set[id] = true end
  return set
end
local live, dead = set_of(ARGV[2]), set_of(ARGV[3])
local limit = tonumber(ARGV[4])
local unknown = {}
local total, parts = 0, {}

local function forget(id)
  local granted = redis.call('HGETALL', KEYS[3])
  for i = 1, #granted, 2 do
    if granted[i + 1] == id then redis.call('HDEL', KEYS[3], granted[i]) end
  end
end

local function look()
  total, parts = 0, {}
  local held = redis.call('HGETALL', KEYS[1])
  for i = 1, #held, 2 do
    local id, part = string.match(held[i], '^([^|]+)|(.+)$')
    if dead[id] then
      redis.call('HDEL', KEYS[1], held[i])
      forget(id)
    else
      if not live[id] then unknown[id] = true end
      total = total + tonumber(held[i + 1])
      parts[part] = (parts[part] or 0) + tonumber(held[i + 1])
    end
  end
end

local function has_room(part, part_limit)
  return (limit == 0 or total < limit) and (part_limit == 0 or (parts[part] or 0) < part_limit)
end

local function hold(id, part, request)
  redis.call('HSET', KEYS[3], request, id)
  redis.call('HINCRBY', KEYS[1], id .. '|' .. part, 1)
  total = total + 1
  parts[part] = (parts[part] or 0) + 1
end

-- Gives back what the request holds, if it holds anything.
local function free(part, request)
  if redis.call('HGET', KEYS[3], request) ~= ARGV[1] then return end
  redis.call('HDEL', KEYS[3], request)
  local field = ARGV[1] .. '|' .. part
  if redis.call('HINCRBY', KEYS[1], field, -1) <= 0 then redis.call('HDEL', KEYS[1], field) end
end

-- First come first served among those that could run; returns how many go on waiting.
local function serve(channel)
  local waiting = 0
  for _, entry in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
    local id, request, part, part_limit = string.match(entry, '^([^|]+)|([^|]+)|([^|]+)|(%d+)$')
    if dead[id] then
      redis.call('LREM', KEYS[2], 1, entry)
    elseif has_room(part, tonumber(part_limit)) then
      redis.call('LREM', KEYS[2], 1, entry)
      hold(id, part, request)
      redis.call('PUBLISH', channel .. string.match(id, '^[^.]+'), KEYS[1] .. ' ' .. request .. ' ' .. id)
    else
      if not live[id] then unknown[id] = true end
      waiting = waiting + 1
    end
  end
  return waiting
end

-- What a request becomes that as many wait before: with try it does not queue, with wait it does where there are places.
local function became_of(part, part_limit, mode, places, waiting)
  if has_room(part, part_limit) then return 'held' end
  if mode == 'try' then return (part_limit == 0 or (parts[part] or 0) < part_limit) and 'full' or 'part_full' end
  return waiting >= places and 'queue_full' or 'queued'
end

local function keep(key) redis.call('EXPIRE', key, ${KEEP_SECONDS}) end

local function names(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  return table.concat(list, ',')
end
`

/**
 * Takes a slot, or queues for one. KEYS[4] and [5]: requests and tokens of the key. ARGV[8] `try` or `wait`, [9] places in
 * the queue, [10] channel, [11] and [12] limits of the rates, [13] tokens.
 * Returns what became of it, slots held, who waits, unknown instances, ms to wait, the rates.
 */
export const CLAIM = script(
  SIDE,
  RATES,
  `
local part, part_limit = ARGV[5], tonumber(ARGV[6])
local requests_limit, tokens_limit, tokens = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local refusing, wait, requests, spent = check(KEYS[4], KEYS[5], requests_limit, tokens_limit, tokens)
if refusing > 0 then
  local rates = told(requests, spent, requests_limit, tokens_limit)
  return { refusing == 1 and 'requests' or 'tokens', 0, 0, '', wait, rates }
end
look()
local waiting = serve(ARGV[10])
local became = became_of(part, part_limit, ARGV[8], tonumber(ARGV[9]), waiting)
if became == 'held' then
  hold(ARGV[1], part, ARGV[7])
elseif became == 'queued' then
  redis.call('RPUSH', KEYS[2], ARGV[1] .. '|' .. ARGV[7] .. '|' .. part .. '|' .. part_limit)
  waiting = waiting + 1
end
if became == 'held' or became == 'queued' then
  if requests then add(requests, 1) end
  if spent then add(spent, tokens) end
  keep(KEYS[1])
  keep(KEYS[2])
  keep(KEYS[3])
end
return { became, total, waiting, names(unknown), 0, told(requests, spent, requests_limit, tokens_limit) }
`,
)

/**
 * What CLAIM would answer, with nothing taken, counted or queued. Same keys and arguments. Returns what would become of it,
 * slots held, who waits, unknown instances, ms to wait, the rates, and slots of the part.
 */
export const LOOK = script(
  SIDE,
  RATES,
  `
local part, part_limit = ARGV[5], tonumber(ARGV[6])
local requests_limit, tokens_limit, tokens = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local refusing, wait, requests, spent = check(KEYS[4], KEYS[5], requests_limit, tokens_limit, tokens)
look()
local waiting = 0
for _, entry in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  if not dead[string.match(entry, '^([^|]+)|')] then waiting = waiting + 1 end
end
local became = became_of(part, part_limit, ARGV[8], tonumber(ARGV[9]), waiting)
if refusing > 0 then became = refusing == 1 and 'requests' or 'tokens' end
local rates = told(requests, spent, requests_limit, tokens_limit)
return { became, total, waiting, names(unknown), wait, rates, parts[part] or 0 }
`,
)

/** Gives a slot back and serves who waits. ARGV[8]: channel. Returns slots held, who waits, unknown instances. */
export const RELEASE = script(
  SIDE,
  `
free(ARGV[5], ARGV[7])
look()
local waiting = serve(ARGV[8])
return { total, waiting, names(unknown) }
`,
)

/** Whatever became of a claim nobody knows the end of: neither held nor queued. ARGV[8]: channel. */
export const UNDO = script(
  SIDE,
  `
redis.call('LREM', KEYS[2], 0, ARGV[1] .. '|' .. ARGV[7] .. '|' .. ARGV[5] .. '|' .. ARGV[6])
free(ARGV[5], ARGV[7])
look()
serve(ARGV[8])
return {}
`,
)

/**
 * Somebody who waits asks whether he was forgotten; ARGV[8]: channel. Who is in no list any more, because it was lost,
 * queues again. Returns `held` or `queued`, slots held, who waits, unknown instances.
 */
export const POKE = script(
  SIDE,
  `
local entry = ARGV[1] .. '|' .. ARGV[7] .. '|' .. ARGV[5] .. '|' .. ARGV[6]
if redis.call('HGET', KEYS[3], ARGV[7]) ~= ARGV[1] and not redis.call('LPOS', KEYS[2], entry) then
  redis.call('RPUSH', KEYS[2], entry)
end
look()
local waiting = serve(ARGV[8])
local became = redis.call('HGET', KEYS[3], ARGV[7]) == ARGV[1] and 'held' or 'queued'
keep(KEYS[2])
return { became, total, waiting, names(unknown) }
`,
)

/** Leaves the queue. Returns `left`, or `held` where the slot had been granted already, and which limit stands in the way. */
export const LEAVE = script(
  SIDE,
  `
local entry = ARGV[1] .. '|' .. ARGV[7] .. '|' .. ARGV[5] .. '|' .. ARGV[6]
local removed = redis.call('LREM', KEYS[2], 1, entry)
look()
local part_limit = tonumber(ARGV[6])
local is_part_full = part_limit > 0 and (parts[ARGV[5]] or 0) >= part_limit
local was_granted = removed == 0 and redis.call('HGET', KEYS[3], ARGV[7]) == ARGV[1]
return { was_granted and 'held' or 'left', is_part_full and 'part_full' or 'full' }
`,
)

/** Registers slots that are held already. ARGV[1] me, then pairs of part and request. */
export const REGISTER = script(`
for i = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[1] .. '|' .. ARGV[i], 1)
  redis.call('HSET', KEYS[3], ARGV[i + 1], ARGV[1])
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ${KEEP_SECONDS}) end
return {}
`)

/**
 * One instance says that it lives. KEYS[1]: a sorted set of instances by the moment they count as dead. ARGV[1] me, [2] ms to
 * live. Returns 1 where I was known, and all the living.
 */
export const BEAT = script(`
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
local was_known = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[2]), ARGV[1])
return { was_known, redis.call('ZRANGE', KEYS[1], 0, -1) }
`)
