-- When to look next. Request: the buckets of the share, or false for all. Answer: microseconds or false.

if not request then
  local first = call('ZRANGE', K.due, 0, 0, 'WITHSCORES')
  return answer(first[2] and tonumber(first[2]) or false)
end
local mine, from = {}, 0
for _, bucket in ipairs(request) do mine[bucket] = true end
while true do
  local found = call('ZRANGE', K.due, from, from + 999, 'WITHSCORES')
  if #found == 0 then return answer(false) end
  for place = 1, #found, 2 do
    local state = read(K.tasks, found[place])
    if not state or mine[state[T.bucket]] then return answer(tonumber(found[place + 1])) end
  end
  from = from + 1000
end
