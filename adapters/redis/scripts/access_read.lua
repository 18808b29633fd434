-- What a step of access is decided on, as it is stored, in one snapshot. request: access_reading.Sought.
-- The answer is the revision and whether there is neither a user nor a token; the readings are the offer of the set-up,
-- the hold, anchor and head of the chain of records, and then kind, name and record of each entry.
local users, tokens, session, sessions_of, logins, records = unpack(request)

append(call('HGET', K.access, 'offer'))
append(call('HGET', K.access, 'hold'))
append(call('HGET', K.access, 'anchor'))
local head = call('HGET', K.access, 'head')
if not unpacked(head) then
  -- Where nothing says so, the chain ends with the last record there is.
  local last = unpacked(call('ZREVRANGE', K.access_records, 0, 0)[1])
  head = last and cmsgpack.pack({last[R.number], last[R.hash]})
end
append(head)

local function entry(kind, name, record)
  append(kind)
  append(name)
  append(record)
end

-- What lies under a name in a hash, or everything in it; the record that was read last.
local function entries(kind, hash, asked)
  if asked == true then
    local all = call('HGETALL', hash)
    for place = 1, #all, 2 do entry(kind, all[place], all[place + 1]) end
  elseif asked then
    local record = call('HGET', hash, asked)
    if record then entry(kind, asked, record) end
    return unpacked(record)
  end
end

-- The user to whom something belongs, if that says so.
local function person(name)
  if type(name) == 'string' then entries('users', K.users, name) end
end

entries('users', K.users, users)
local token = entries('tokens', K.api_tokens, tokens)
if token then person(token[TOKEN_OWNER]) end

if session then
  local record = call('GET', PREFIX .. 'session:' .. session)
  if record then
    entry('sessions', session, record)
    person((unpacked(record) or {})[1])
  end
end

-- One that has expired is told without a record, so that its place in the index can be given up.
if sessions_of then
  local first, beyond = '-', '+'
  if sessions_of ~= true then first, beyond = '[' .. sessions_of .. '/', '(' .. sessions_of .. '0' end
  for _, place in ipairs(call('ZRANGEBYLEX', K.sessions_by_user, first, beyond)) do
    local digest = string.match(place, '[^/]*$')
    entry('sessions', digest, call('GET', PREFIX .. 'session:' .. digest))
  end
end

for _, key in ipairs(logins) do
  local record = call('GET', PREFIX .. 'login:' .. key)
  if record then entry('logins', key, record) end
end

if records then
  local after = string.format('(%.0f', records[1])
  for place, record in ipairs(call('ZRANGEBYSCORE', K.access_records, after, '+inf', 'LIMIT', 0, records[2])) do
    entry('records', tostring(place), record)
  end
end

local is_bare = call('HLEN', K.users) == 0 and call('HLEN', K.api_tokens) == 0
return answer_with_readings({tonumber(call('HGET', K.access, 'revision') or 0) or 0, is_bare})
