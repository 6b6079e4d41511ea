import type { StoreScript } from '../shared-store.ts'

/**
 * The one script of the shared ledger. It moves requests of a quota into the hands of a process before they are used, so
 * that whatever is lost afterwards (a reply, a connection, a process) can only be too little, never too much.
 *
 * A window is a hash: `s` and `e`, its start and end; `g`, all that is granted; `o`, the part of `g` that no row stands
 * for; `n`, the number of rows; `rc`, when was last asked in vain for what others hold; and for each process a row
 * `p:PROCESS` = `G:U:X:Q`: granted to it and not given back, used of that as it last said, when what it holds runs out,
 * and the number of its last call. Always g = o + the sum of G. A rate is one number: the theoretical arrival time.
 *
 * A process states with each call what it holds in all (its claim), so that each call mends what an earlier one left
 * behind: a claim lower than its row gives back, or disowns a grant whose reply was lost; a higher one restores what the
 * store has lost. A call that arrives after a later one of the same process is ignored.
 *
 * The epoch says whether the bucket's keys can be trusted. It is missing after a flush, and names another run after a
 * restart or a failover, which may have brought back old data. Then nothing is granted until every process that was heard
 * of lately has stated its claims, or has had its time to: what a process does not state by then counts as lost.
 *
 * Times are the server's own. Milliseconds in windows, microseconds in rates. A clock that was set back makes windows at
 * most one length longer, never shorter.
 */
const lua = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
local me, seq, peers, learn, patience, stated = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

local function number(value, key)
  if not value then return 0 end
  local parsed = tonumber(value)
  if not parsed then error({err = 'CORRUPT ' .. key}) end
  return parsed
end

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local isRead, epoch = pcall(redis.call, 'HMGET', KEYS[1], 'id', 'run', 'at', 'learn', 'open')
local created = 0
-- One that somebody else has written holds nothing that is worth keeping: it is as good as lost.
if not isRead or not epoch[1] or epoch[2] ~= run or not tonumber(epoch[3]) or not (epoch[5] or tonumber(epoch[4])) then
  created = 1
  epoch = {me .. '.' .. seq, run, now, learn, false}
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'id', epoch[1], 'run', run, 'at', now, 'learn', learn)
end
local id, open = epoch[1], epoch[5] and true or false
if not open then
  local at = number(epoch[3], KEYS[1])
  if at > now then
    at = now
    redis.call('HSET', KEYS[1], 'at', now)
  end
  for peer in string.gmatch(peers .. ',' .. me, '[^,]+') do
    if redis.call('HEXISTS', KEYS[1], 'a:' .. peer) == 0 then redis.call('HSET', KEYS[1], 'w:' .. peer, 1) end
  end
  if stated == id then
    redis.call('HDEL', KEYS[1], 'w:' .. me)
    redis.call('HSET', KEYS[1], 'a:' .. me, 1)
  end
  local awaited = 0
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 2) == 'w:' then awaited = awaited + 1 end
  end
  if now >= at + number(epoch[4], KEYS[1]) and (awaited == 0 or now >= at + patience) then
    open = true
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'id', id, 'run', run, 'at', at, 'open', 1)
  end
end

local function rowOf(text, key)
  if not text then return {G = 0, U = 0, X = 0, Q = 0, isNew = true} end
  local G, U, X, Q = string.match(text, '^(%d+):(%d+):(%d+):(%d+)$')
  if not G then error({err = 'CORRUPT ' .. key}) end
  return {G = tonumber(G), U = tonumber(U), X = tonumber(X), Q = tonumber(Q)}
end

-- Rows of processes that have long held nothing become part of o: a process that lives after all takes its part back.
local function prune(key, w)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'p:' and fields[i] ~= 'p:' .. me then
      local row = rowOf(fields[i + 1], key)
      if row.X < now - 120000 then
        redis.call('HDEL', key, fields[i])
        w.o = w.o + row.G
        w.n = w.n - 1
      end
    end
  end
end

-- For how long others may still give something back: 0 where nobody has anything in hand.
local function heldByOthers(key)
  local held = 0
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'p:' and fields[i] ~= 'p:' .. me then
      local row = rowOf(fields[i + 1], key)
      if row.G > row.U then held = math.max(held, row.X - now) end
    end
  end
  return held
end

-- Brings the window into line with what the process states, and finds out what it could be granted.
local function look(key, a)
  local limit, width, want, need, least = tonumber(a[3]), tonumber(a[4]), tonumber(a[5]), tonumber(a[6]), tonumber(a[7])
  local kS, kE, kG, kU, kTotal = tonumber(a[8]), tonumber(a[9]), tonumber(a[10]), tonumber(a[11]), tonumber(a[12])
  local ttl, afterLoss = tonumber(a[13]), a[14] == '1'
  local f = redis.call('HMGET', key, 's', 'e', 'g', 'o', 'n', 'rc', 'p:' .. me)
  local w = {s = number(f[1], key), e = number(f[2], key), g = number(f[3], key), o = number(f[4], key), n = number(f[5], key)}
  local row = rowOf(f[7], key)
  local look = {key = key, w = w, rc = number(f[6], key), limit = limit, ttl = ttl, continues = 0, grant = 0, held = 0, lacks = false, begins = false}
  local delta, isFresh = 0, false
  if w.e > now then
    if seq <= row.Q then
      look.late = true
      return look
    end
    if kE == w.e and kG >= 0 then
      look.continues, delta = 1, kG - row.G
    elseif kE > now and kG >= 0 then
      look.continues, delta, afterLoss = 1, math.max(0, kG - row.G), true
      w.s, w.e = math.min(w.s, kS), math.max(w.e, kE)
    elseif kG < 0 then
      look.continues, kU = 2, row.G
    else
      delta = -row.G
    end
  else
    isFresh, row, look.rc = true, rowOf(false, key), 0
    if kE > now and kG >= 0 then
      look.continues, delta, afterLoss = 1, kG, true
      w = {s = kS, e = kE, g = 0, o = 0, n = 0}
    else
      look.begins = true
      w = {s = now, e = now + width, g = 0, o = 0, n = 0}
    end
  end
  look.w, look.row, look.isFresh, look.before = w, row, isFresh, isFresh and 0 or number(f[3], key)
  w.e = math.min(w.e, now + width)
  local owned = math.max(0, math.min(w.o, delta))
  w.o = w.o - owned
  w.g = w.g + delta - owned
  row.G = row.G + delta
  row.U = look.continues > 0 and math.min(kU, row.G) or 0
  if afterLoss and kTotal > w.g then
    w.o = w.o + kTotal - w.g
    w.g = kTotal
  end
  if row.isNew and w.n >= 128 then prune(key, w) end
  local sharers = w.n + (row.isNew and 1 or 0)
  look.left = limit - w.g
  local hand = row.G - row.U
  local lacking = math.max(0, need - hand)
  if not open or want == 0 or (look.begins and need == 0) then return look end
  if look.left >= math.max(1, least - hand) then
    local fair = math.min(want - hand, math.floor(look.left / (2 * sharers)), math.floor(limit / (10 * sharers)))
    look.grant = math.min(look.left, math.max(lacking, fair, 0))
  else
    look.lacks = lacking > 0
    if look.lacks and not look.begins then look.held = heldByOthers(key) end
  end
  return look
end

local function window(look, blocked)
  local key, w, row = look.key, look.w, look.row
  if look.late then return {-1, 0, 0, 0, 0, 0, 0, 0, 0} end
  local granted, recall, isBack = look.grant, 0, 0
  if blocked and granted > 0 then granted = -1 end
  if look.begins and granted <= 0 then return {0, 0, 0, granted, 0, look.limit, 0, 0, 0} end
  if look.held > 0 and (now - look.rc > 100 or look.rc > now) then
    recall = 1
    look.rc = now
  end
  if look.isFresh then redis.call('DEL', key) end
  row.G = row.G + math.max(0, granted)
  w.g = w.g + math.max(0, granted)
  if w.g < look.before and look.rc > 0 and now - look.rc < 60000 then isBack = 1 end
  row.X = row.G > row.U and math.min(w.e, now + look.ttl) or 0
  if not row.isNew or row.G > 0 then
    if row.isNew then w.n = w.n + 1 end
    redis.call('HSET', key, 'p:' .. me, string.format('%.0f:%.0f:%.0f:%.0f', row.G, row.U, row.X, seq))
  end
  redis.call('HSET', key, 's', string.format('%.0f', w.s), 'e', string.format('%.0f', w.e), 'g', string.format('%.0f', w.g),
    'o', string.format('%.0f', w.o), 'n', string.format('%.0f', w.n), 'rc', string.format('%.0f', look.rc))
  redis.call('PEXPIREAT', key, string.format('%.0f', w.e + 60000))
  return {look.continues, w.s, w.e, granted, row.G, look.limit - w.g, look.held, recall, isBack}
end

-- What of a rate there is room for: how many, from when they count, and how long they may stay in hand. An arrival time
-- is kept with the moment at which it was written, so that it goes back with a clock that is set back.
local function room(key, a)
  local burst, interval, want, need, least = tonumber(a[3]), tonumber(a[4]), tonumber(a[5]), tonumber(a[6]), tonumber(a[7])
  local known, knownAt, lease = tonumber(a[8]), tonumber(a[9]), tonumber(a[10])
  local full = us + burst * interval
  local stored = redis.call('GET', key)
  local arrival, at = 0, 0
  if stored then
    local first, second = string.match(stored, '^(%d+):(%d+)$')
    if not first then error({err = 'CORRUPT ' .. key}) end
    arrival, at = tonumber(first), tonumber(second)
  end
  local tat = math.max(us, arrival - math.max(0, at - us), known - math.max(0, knownAt - us))
  local r = {key = key, tat = tat, interval = interval, grant = 0, base = tat, within = 0}
  if not open or need == 0 then return r end
  local base = math.max(tat, us + lease)
  local fits = math.min(want, math.floor((full - base) / interval + 0.000001))
  if lease > 0 and fits >= math.max(least, need) then
    r.grant, r.base, r.within = fits, base, lease
  else
    fits = math.min(math.max(need, least), math.floor((full - tat) / interval + 0.000001))
    if fits >= least then r.grant = fits else r.lacks = true end
  end
  return r
end

local function rate(r, blocked)
  local granted = r.grant
  if blocked and granted > 0 then granted = -1 end
  if granted > 0 then r.tat = r.base + granted * r.interval end
  local tat = math.ceil(r.tat)
  if tat > us then redis.call('SET', r.key, string.format('%.0f:%.0f', tat, us), 'PX', string.format('%.0f', math.ceil((tat - us) / 1000) + 60000)) end
  return {granted, tat, r.within, us}
end

-- What cannot be read (somebody else wrote it) is neither granted from nor changed. Nothing is granted, and no window
-- begun, where an enforced policy of the call has no room: the request counts for none.
local answers, looks, blocked = {now, id, created, open and 1 or 0}, {}, false
local at = 7
for i = 2, #KEYS do
  local a = {}
  local isWindow = ARGV[at] == 'w'
  local count = isWindow and 14 or 10
  for j = 0, count - 1 do a[j + 1] = ARGV[at + j] end
  at = at + count
  local isRead, look = pcall(isWindow and look or room, KEYS[i], a)
  if not isRead then look = {isCorrupt = true, lacks = true} end
  look.isWindow = isWindow
  if look.lacks and a[2] == '0' then blocked = true end
  looks[i] = look
end
for i = 2, #KEYS do
  local look = looks[i]
  if look.isCorrupt then answers[i + 3] = 'corrupt' else answers[i + 3] = look.isWindow and window(look, blocked) or rate(look, blocked) end
end
return answers
`

export const leaseScript: StoreScript = { name: 'lease', lua }
