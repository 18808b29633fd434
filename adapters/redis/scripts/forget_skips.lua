-- Forget Skips, the oldest first. Request: {the instant before which they ended, how many are kept in all, limit}, or
-- {task, how many are kept of it, limit, true}. Answer: how many went.

local function forget(members, before)
  if #members == 0 then return 0 end
  for _, member in ipairs(members) do
    local skip = read(K.skips, member)
    local last_at = skip and tonumber(skip[3])
    if last_at and last_at >= before then note_forgotten(string.match(member, '^(.*)/') or member, last_at) end
  end
  call('HDEL', K.skips, unpack(members))
  call('ZREM', K.skips_by_task, unpack(members))
  call('ZREM', K.skips_by_end, unpack(members))
  return #members
end

local one, kept, limit, is_of_task = unpack(request)
if is_of_task then
  local from, to = '[' .. one .. '/', '(' .. one .. '0'
  local excess = math.min(call('ZLEXCOUNT', K.skips_by_task, from, to) - kept, limit)
  if excess <= 0 then return answer(0) end
  return answer(forget(call('ZRANGE', K.skips_by_task, from, to, 'BYLEX', 'LIMIT', 0, excess), 0))
end
local old = call('ZCOUNT', K.skips_by_end, '-inf', string.format('(%.0f', one))
local count = math.min(math.max(old, call('ZCARD', K.skips_by_end) - kept), limit)
if count <= 0 then return answer(0) end
return answer(forget(call('ZRANGE', K.skips_by_end, 0, count - 1), one))
