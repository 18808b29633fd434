-- Writes what was decided on a reading of access; false if that does not hold any more. request: the revision that was
-- read, or false for attempts, which are key by key what they were read as; the puts, each a kind, a name, a record
-- (false: it goes) and for how many milliseconds; and what goes on record, or false: a number, the record, and the head
-- of the chain behind it.
local revision, attempts, puts, added = unpack(request)

if is_of_another_generation() then return answer(false) end
if revision and (tonumber(call('HGET', K.access, 'revision') or 0) or 0) ~= revision then return answer(false) end
for _, attempt in ipairs(attempts) do
  if (call('GET', PREFIX .. 'login:' .. attempt[1]) or '') ~= attempt[2] then return answer(false) end
end
if revision then call('HSET', K.access, 'revision', string.format('%.0f', revision + 1)) end

for _, put in ipairs(puts) do
  local kind, name, record, lives = unpack(put)
  if kind == 'session' or kind == 'login' then
    local key = PREFIX .. kind .. ':' .. name
    if record then call('SET', key, record, 'PX', lives) else call('DEL', key) end
  elseif kind == 'sessions_by_user' then
    if record then call('ZADD', K.sessions_by_user, 0, name) else call('ZREM', K.sessions_by_user, name) end
  elseif record then
    call('HSET', K[kind], name, record)
  else
    call('HDEL', K[kind], name)
  end
end

if added then
  call('ZADD', K.access_records, string.format('%.0f', added[1]), added[2])
  call('HSET', K.access, 'head', added[3])
end
return answer(true)
