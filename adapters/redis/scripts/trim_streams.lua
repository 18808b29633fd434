-- Forget the messages that every group has read, of every type; consumers that are gone, as workers take new names; and
-- types of which nothing is in a lane or left to be read: they come back with the next that is.

local IDLE_FOR = 24 * 3600 * 1000

local function fields_of(flat)
  local fields = {}
  for place = 1, #flat, 2 do fields[flat[place]] = flat[place + 1] end
  return fields
end

-- How many are left.
local function forget_consumers(stream)
  local left = 0
  for _, consumer in ipairs(call('XINFO', 'CONSUMERS', stream, GROUP)) do
    local fields = fields_of(consumer)
    if fields['pending'] == 0 and fields['idle'] > IDLE_FOR then
      call('XGROUP', 'DELCONSUMER', stream, GROUP, fields['name'])
    else
      left = left + 1
    end
  end
  return left
end

-- True if some group has still to do with the stream: the upkeep will have, too.
local function is_read(stream)
  if call('EXISTS', stream) == 0 or not may_be_stream(stream) then return false end
  trim(stream)
  local newest, is_wanted = fields_of(call('XINFO', 'STREAM', stream))['last-generated-id'], false
  -- The stream of an external type has no workers. What ours have not read, they will not: they follow the lanes.
  for _, group in ipairs(call('XINFO', 'GROUPS', stream)) do
    local fields = fields_of(group)
    if fields['name'] == GROUP then
      is_wanted = forget_consumers(stream) > 0 or is_wanted
    else
      is_wanted = is_wanted or fields['pending'] > 0 or fields['last-delivered-id'] ~= newest
    end
  end
  return is_wanted
end

local function is_in_lane(task_type)
  for _, lane in ipairs({'lane:', 'suspects:', 'delayed:lane:', 'delayed:suspects:'}) do
    if call('EXISTS', PREFIX .. lane .. task_type) == 1 then return true end
  end
  return false
end

for _, task_type in ipairs(call('SMEMBERS', K.types)) do
  -- Both are looked at: reading is what trims.
  local is_wanted = is_read(stream_of(task_type))
  if not is_wanted and not is_in_lane(task_type) then call('SREM', K.types, task_type) end
end
return answer(true)
