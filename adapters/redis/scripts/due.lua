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
  local members = {}
  for place = 1, #found, 2 do members[#members + 1] = found[place] end
  for place, bytes in ipairs(values_of(K.tasks, members)) do
    if #ids == limit then break end
    local id, state = members[place], unpacked(bytes, is_state)
    -- What cannot be read is everybody's: whoever finds it first says so.
    if not mine or not state or mine[state[T.bucket]] or tonumber(found[2 * place]) <= late then
      ids[#ids + 1] = id
      -- A place of what is gone is told as what can't be read, no MessagePack: whoever puts that off takes the place away.
      opens[#ids] = append_state(id, bytes or '\193', state, false)
    end
  end
  from = from + page
end
return answer_with_readings({ids, opens})
