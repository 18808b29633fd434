-- Forget the messages that every group has read, of every type, and consumers that are gone: workers take new names.

local IDLE_FOR = 24 * 3600 * 1000

local function forget_consumers(stream)
  for _, consumer in ipairs(call('XINFO', 'CONSUMERS', stream, GROUP)) do
    local fields = {}
    for place = 1, #consumer, 2 do fields[consumer[place]] = consumer[place + 1] end
    if fields['pending'] == 0 and fields['idle'] > IDLE_FOR then
      call('XGROUP', 'DELCONSUMER', stream, GROUP, fields['name'])
    end
  end
end

for _, task_type in ipairs(call('SMEMBERS', K.types)) do
  local stream = stream_of(task_type)
  if call('EXISTS', stream) == 1 and may_be_stream(stream) then
    trim(stream)
    -- The stream of an external type has no workers.
    for _, group in ipairs(call('XINFO', 'GROUPS', stream)) do
      if group[2] == GROUP then forget_consumers(stream) end
    end
  end
end
return answer(true)
