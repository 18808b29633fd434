-- Pending executions given to the tokens of a worker. Request: {worker, tokens, types or false for any, isolated}.
-- Readings: of each claim its record, and the definition and payload of its version.
-- Answer: their ids. What cannot be read is left out for a while.

local LEFT_OUT_FOR = 60 * 1000000
local tokens = request[2]
local room = request[4] and 'suspects:' or 'lane:'
local types = request[3] or call('SMEMBERS', K.types)

-- What was put back for its handler comes back into its lane when its instant has come.
local function admit(lane)
  local delayed = PREFIX .. 'delayed:' .. lane
  local due = call('ZRANGE', delayed, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, 1000, 'WITHSCORES')
  for place = 1, #due, 2 do
    call('ZADD', PREFIX .. lane, due[place + 1], due[place])
    call('ZREM', delayed, due[place])
  end
end

local function first_of(lanes)
  local found = {}
  for _, lane in ipairs(lanes) do
    admit(lane)
    local heads = call('ZRANGE', PREFIX .. lane, 0, #tokens - 1, 'WITHSCORES')
    for place = 1, #heads, 2 do
      found[#found + 1] = {heads[place], tonumber(heads[place + 1]), lane}
    end
  end
  if #lanes > 1 then
    table.sort(found, function(one, other)
      if one[2] ~= other[2] then return one[2] < other[2] end
      return one[1] < other[1]
    end)
  end
  return found
end

local function leave_out(lane, id)
  zrem(PREFIX .. lane, id)
  zadd(PREFIX .. 'delayed:' .. lane, now + LEFT_OUT_FOR, id)
end

local messages = {}

-- The delivery stands in the group of the workers like any other: pending there until it is settled.
local function note_delivery(execution)
  local stream = stream_of(execution[E.task_type])
  if not execution[E.message] then execution[E.message] = send(execution, nil, true) end
  if not may_be_stream(stream) then return end
  local delivered = messages[stream] or {}
  messages[stream] = delivered
  delivered[#delivered + 1] = execution[E.message]
end

local function start(execution, token, fence)
  local id, starts = execution[E.id], execution[E.starts] + 1
  unindex(execution)
  execution[E.state], execution[E.token], execution[E.fence] = 'running', token, fence
  execution[E.worker_id], execution[E.starts], execution[E.started_at] = request[1], starts, now
  note_delivery(execution)
  index(execution)
  local record = cmsgpack.pack(execution)
  hset(K.executions, id, record)
  hset(K.beats, id, 0)
  hdel(K.progress, id)
  local attempt = {starts, request[1], now, false, false, false, token, false}
  hset(K.attempts, string.format('%s/%.0f', id, starts), cmsgpack.pack(attempt))
  tell(execution[E.task_id], id)
  return record
end

local lanes = {}
for place, task_type in ipairs(types) do lanes[place] = room .. task_type end

-- {record, its definition} of each that may be claimed, and the names of their versions.
local found, versions = {}, {}

-- Of so many that may come next, those that are fit: for each token one at most.
local function pick(heads)
  local ids, executions, names = {}, {}, {}
  for place, head in ipairs(heads) do ids[place] = head[1] end
  for place, bytes in ipairs(values_of(K.executions, ids)) do
    local execution = unpacked(bytes, is_execution)
    executions[place], names[place] = execution or false, execution and version_of(execution) or ''
  end
  for place, definition in ipairs(values_of(K.definitions, names)) do
    local id, lane, execution = heads[place][1], heads[place][3], executions[place]
    if execution and execution[E.state] ~= 'pending' then
      zrem(PREFIX .. lane, id)
    elseif not execution or not definition then
      leave_out(lane, id)
    elseif #found < #tokens then
      found[#found + 1] = {execution, definition}
      versions[#found] = names[place]
    end
  end
end

local heads = first_of(lanes)
for first = 1, #heads, #tokens do
  if #found == #tokens then break end
  local next_heads = {}
  for place = first, math.min(first + #tokens - 1, #heads) do next_heads[#next_heads + 1] = heads[place] end
  pick(next_heads)
end

local claimed, payloads = {}, values_of(K.payloads, versions)
local fence = #found > 0 and generation * 4294967296 + call('HINCRBY', K.meta, 'fence', #found) - #found
for place, each in ipairs(found) do
  claimed[place] = each[1][E.id]
  append(start(each[1], tokens[place], fence + place))
  append(each[2])
  append(payloads[place])
end

local function deliver(stream, ids)
  local words = {'XCLAIM', stream, GROUP, request[1], 0}
  for _, id in ipairs(ids) do words[#words + 1] = id end
  for _, word in ipairs({'FORCE', 'JUSTID', 'LASTID', ids[#ids]}) do words[#words + 1] = word end
  if redis.pcall(unpack(words)).err then
    -- The first claim from this stream, or somebody removed the group.
    call('XGROUP', 'CREATE', stream, GROUP, '0', 'MKSTREAM')
    call(unpack(words))
  end
end

for stream, ids in pairs(messages) do deliver(stream, ids) end
write_journal()
return answer_with_readings(claimed)
