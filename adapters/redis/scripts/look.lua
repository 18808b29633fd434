-- When to look next. Request: the buckets of the share, or false for all. Answer: microseconds or false. If the first
-- LOOKED_AT_MAX tasks are others', it is the last of these: an instant to look again, and none is missed by it.

local LOOKED_AT_MAX = 1000

if not request then
  local first = call('ZRANGE', K.due, 0, 0, 'WITHSCORES')
  return answer(first[2] and tonumber(first[2]) or false)
end
if #request == 0 then return answer(false) end
local mine = {}
for _, bucket in ipairs(request) do mine[bucket] = true end
local found = call('ZRANGE', K.due, 0, LOOKED_AT_MAX - 1, 'WITHSCORES')
for place = 1, #found, 2 do
  local state = read(K.tasks, found[place])
  if not state or mine[state[T.bucket]] then return answer(tonumber(found[place + 1])) end
end
return answer(#found == 2 * LOOKED_AT_MAX and tonumber(found[#found]))
