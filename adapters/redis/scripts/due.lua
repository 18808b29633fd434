-- Tasks that need a look. Request: {until, limit, buckets of the share or false for all, how long until anybody's}.
-- Answer and readings as in tasks.lua, then the ids.

local limit, mine = request[2], nil
if request[3] then
  mine = {}
  for _, bucket in ipairs(request[3]) do mine[bucket] = true end
end

local ids, opens, from, page = {}, {}, 0, mine and 1000 or limit
local late = now - request[4]
while #ids < limit do
  local found = call('ZRANGE', K.due, '-inf', string.format('%.0f', request[1]), 'BYSCORE', 'LIMIT', from, page, 'WITHSCORES')
  if #found == 0 then break end
  for place = 1, #found, 2 do
    local id, is_taken = found[place], true
    if mine and tonumber(found[place + 1]) > late then
      -- What cannot be read is everybody's: whoever finds it first says so.
      local state = read(K.tasks, id)
      is_taken = not state or mine[state[T.bucket]]
    end
    if is_taken and #ids < limit then
      ids[#ids + 1] = id
      opens[#ids] = append_task(id, false)
    end
  end
  from = from + page
end
return answer_with_readings({ids, opens})
