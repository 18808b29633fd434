-- What steps decided on a reading, written if everything is as it was read. Request: {instant of the reading, before
-- which nothing holds, units}, of which each is packed by itself:
-- {task id, state as read ('' if there was none), state, instant before which it holds or false,
--  executions: {id, record as read or false if it is new, record} of each; one that is there keeps its place,
--  expected: {hash, field, text, number or false} of each, set: {hash, field, value or false} of each,
--  placed: {zset, member, score or false} of each, told: {execution id, lines} of each, counted: {hour, field} of each,
--  changes: {record, task, idempotency key or false, task/version that it made or false} of each}.
-- A unit is written whole or not at all. Answer: of each whether it was written, or the key at which the stream of its
-- deliveries would have to be; false for all: it is another store by now, or its clock shows an instant before the reading.

if is_of_another_generation() or now < request[1] then return answer(false) end

local function is_as_read(unit)
  if (call('HGET', K.tasks, unit[1]) or '') ~= unit[2] or (unit[4] and now >= unit[4]) then return false end
  for _, each in ipairs(unit[5]) do
    if each[2] and call('HGET', K.executions, each[1]) ~= each[2] then return false end
  end
  for _, each in ipairs(unit[6]) do
    local found = call('HGET', K[each[1]], each[2])
    if type(each[3]) == 'number' then found = number_of(found) end
    if found ~= each[3] then return false end
  end
  return true
end

-- A delivery without its message would be one that never was.
local function key_in_the_way(unit)
  for _, each in ipairs(unit[5]) do
    local new = not each[2] and unpacked(each[3])
    if new and new[E.state] == 'delivered' and not may_be_stream(stream_of(new[E.task_type])) then
      return stream_of(new[E.task_type])
    end
  end
  return nil
end

local function record_change(each)
  local number = string.format('%012.0f', call('HINCRBY', K.meta, 'changes', 1))
  hset(K.changes, number, each[1])
  zadd(K.changes_by_number, tonumber(number), number)
  zadd(K.changes_by_task, 0, each[2] .. '/' .. number)
  if each[3] then call('HSET', K.keys, each[3], number) end
  if each[4] then hset(K.made_by, each[4], number) end
end

-- How many ended, by hour and kind.
local finishes = {}

local function write(unit)
  local old, new = unpacked(unit[2]), unpacked(unit[3])
  for _, each in ipairs(unit[7]) do
    if each[3] then hset(K[each[1]], each[2], each[3]) else hdel(K[each[1]], each[2]) end
  end
  for _, each in ipairs(unit[8]) do
    if each[3] then zadd(K[each[1]], each[3], each[2]) else zrem(K[each[1]], each[2]) end
  end
  -- Messages carry definitions and payloads, so those that a change has made stand before what is dispatched.
  if #unit[11] > 0 and #unit[5] > 0 then flush() end
  for _, each in ipairs(unit[5]) do
    if each[2] or call('HEXISTS', K.executions, each[1]) == 0 then
      put_execution(unpacked(each[2]), unpacked(each[3]), new, each[3])
    end
  end
  put_task(old, new, unit[3])
  for _, each in ipairs(unit[9]) do write_lines(each[1], each[2]) end
  for _, each in ipairs(unit[10]) do
    local kinds = finishes[each[1]] or {}
    finishes[each[1]] = kinds
    kinds[each[2]] = (kinds[each[2]] or 0) + 1
  end
  for _, each in ipairs(unit[11]) do record_change(each) end
end

local written = {}
for place, packed in ipairs(request[2]) do
  local unit = cmsgpack.unpack(packed)
  written[place] = is_as_read(unit) and (key_in_the_way(unit) or true)
  if written[place] == true then write(unit) end
end
for hour, kinds in pairs(finishes) do
  for kind, count in pairs(kinds) do count_finishes(hour, kind, count) end
end
write_journal()
return answer(written)
