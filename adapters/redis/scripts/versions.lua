-- Versions of a task, newest first. Request: {task, the last version, 10 digits, limit}. Answer: their numbers as text.
-- Readings: of each its definition, its payload and the change that made it.

local prefix = request[1] .. '/'
local members = call('ZRANGE', K.versions, '[' .. prefix .. request[2], '[' .. prefix, 'BYLEX', 'REV',
  'LIMIT', 0, request[3])
for place, member in ipairs(members) do
  members[place] = string.sub(member, #prefix + 1)
  local version = string.format('%s%.0f', prefix, tonumber(members[place]) or 0)
  append(call('HGET', K.definitions, version))
  append(call('HGET', K.payloads, version))
  local number = call('HGET', K.made_by, version)
  append(number and call('HGET', K.changes, number))
end
return answer_with_readings(members)
