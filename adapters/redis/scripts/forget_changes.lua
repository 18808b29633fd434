-- Forget changes made before an instant, the first first. Request: {the instant, limit, the number behind which they are,
-- the way in which the system makes changes}, or {the instant, limit, task, that way, how many are kept of the task}.
-- Answer: {how many went, the number behind which to go on or false}.
--
-- What the system made under a key stays for ever: a default task must not be created twice.

local SCANNED_MAX = 1000
local before, limit, place, system, kept = unpack(request)
local gone = 0

local function forget(number)
  local change = read(K.changes, number)
  local at, idempotency_key = change and tonumber(change[C.at]), change and change[C.idempotency_key]
  if not at or at >= before then return false end
  if change[C.via] == system and idempotency_key then return true end
  call('HDEL', K.changes, number)
  call('ZREM', K.changes_by_number, number)
  if change[C.task_id] then call('ZREM', K.changes_by_task, change[C.task_id] .. '/' .. number) end
  if idempotency_key and call('HGET', K.keys, idempotency_key) == number then
    call('HDEL', K.keys, idempotency_key)
  end
  gone = gone + 1
  return true
end

if kept then
  local from, to = '[' .. place .. '/', '(' .. place .. '0'
  local excess = math.min(call('ZLEXCOUNT', K.changes_by_task, from, to) - kept, SCANNED_MAX)
  if excess <= 0 then return answer({0, false}) end
  for _, member in ipairs(call('ZRANGE', K.changes_by_task, from, to, 'BYLEX', 'LIMIT', 0, excess)) do
    if gone == limit then break end
    forget(string.sub(member, #place + 2))
  end
  return answer({gone, false})
end

local numbers = call('ZRANGE', K.changes_by_number, '(' .. place, '+inf', 'BYSCORE', 'LIMIT', 0, SCANNED_MAX)
local has_old, last = false, place
for _, number in ipairs(numbers) do
  if gone == limit then return answer({gone, last}) end
  last = number
  has_old = forget(number) or has_old
end
-- Clocks are set back at times, so a young change does not say that all behind it are young; a thousand do.
return answer({gone, has_old and #numbers == SCANNED_MAX and last})
