import type { StoreScript } from '../shared-store.ts'
import { maxMarks } from './revocation-marks.ts'
import { maxSharedBytes } from './shared-answer.ts'

/*
 * Of a token the store holds two keys in one bucket: `t:HASH`, the answer about it, and `r:HASH`, which is there once the
 * token was revoked (`revoke`) or its answer outdated (`refresh` and a random word). Whoever asks a provider reads both
 * first, and writes the answer only where `r` is still what was read: an answer that was asked for before a revocation
 * never comes to lie in the store after it.
 */

/** KEYS: `t` and `r` of each token. Gives of each its answer, the milliseconds it has left, and its revocation. */
export const readTokens: StoreScript = {
  name: 'read-tokens',
  lua: `
local function text(reply)
  if type(reply) == 'table' then return '!' end
  return reply or ''
end
local answers = {}
for i = 1, #KEYS, 2 do
  local n = #answers
  answers[n + 1] = text(redis.pcall('GETRANGE', KEYS[i], 0, ${maxSharedBytes}))
  answers[n + 2] = redis.call('PTTL', KEYS[i])
  answers[n + 3] = text(redis.pcall('GETRANGE', KEYS[i + 1], 0, 63))
end
return answers`,
}

/** KEYS: `t`, `r`. ARGV: the answer, its milliseconds, the revocation that was read. */
export const fillToken: StoreScript = {
  name: 'fill-token',
  lua: `
local revocation = redis.pcall('GET', KEYS[2])
if type(revocation) == 'table' or (revocation or '') ~= ARGV[3] or ARGV[3] == 'revoke' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`,
}

/** KEYS: `t`. */
export const dropToken: StoreScript = {
  name: 'drop-token',
  lua: `return redis.call('DEL', KEYS[1])`,
}

/** KEYS: `t`, `r`. ARGV: the revocation, its milliseconds. What is revoked stays so, for the longer of both times. */
export const revokeToken: StoreScript = {
  name: 'revoke-token',
  lua: `
redis.call('DEL', KEYS[1])
local before = redis.pcall('GET', KEYS[2])
local left = tonumber(ARGV[2])
if before == 'revoke' then
  if ARGV[1] ~= 'revoke' then return 0 end
  left = math.max(left, redis.call('PTTL', KEYS[2]))
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', string.format('%.0f', left))
return 1`,
}

/**
 * KEYS: the marks, a hash of times by name. ARGV: name, the latest time that the announcer has heard of, the
 * milliseconds for which marks are heeded. Gives the mark's time: by the store's clock, and later than any before.
 */
export const addMark: StoreScript = {
  name: 'add-mark',
  lua: `
local key, lifetime = KEYS[1], tonumber(ARGV[3])
local kind = redis.call('TYPE', key).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- What is far ahead of the clock was not written here.
local function number(text)
  local value = tonumber(text or '') or 0
  return value < now + lifetime and value or 0
end
local at = math.max(now, number(redis.call('HGET', key, 'last')) + 1, number(ARGV[2]) + 1)
local text = string.format('%.0f', at)
if redis.call('HLEN', key) > ${maxMarks} then
  local all = redis.call('HGETALL', key)
  local kept, revokes = 0, false
  for i = 1, #all, 2 do
    if number(all[i + 1]) < at - lifetime then
      redis.call('HDEL', key, all[i])
    else
      kept = kept + 1
      revokes = revokes or string.sub(all[i], 1, 7) == 'revoke '
    end
  end
  if kept > ${maxMarks} then
    redis.call('DEL', key)
    redis.call('HSET', key, 'refresh all ', text)
    if revokes then redis.call('HSET', key, 'revoke all ', text) end
  end
end
redis.call('HSET', key, ARGV[1], text, 'last', text)
redis.call('PEXPIRE', key, ARGV[3])
return text`,
}

/** KEYS: the marks. Gives names and times in turn. */
export const readMarks: StoreScript = {
  name: 'read-marks',
  lua: `
local all = redis.pcall('HGETALL', KEYS[1])
if all.err then return { '!', '!' } end
return all`,
}
