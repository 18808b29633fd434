-- Skips of a task, newest first. Request: {task, the instant before which they begin, hexadecimal, limit}. Readings: they.

local prefix = request[1] .. '/'
local members = call('ZRANGE', K.skips_by_task, '(' .. prefix .. request[2], '[' .. prefix, 'BYLEX', 'REV',
  'LIMIT', 0, request[3])
for _, member in ipairs(members) do append(call('HGET', K.skips, member)) end
return answer_with_readings(members)
