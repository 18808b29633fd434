-- Tasks that need a look. Request: {until, limit, buckets of the share or false for all, how long until anybody's, {look_at,
-- id} behind which to go on or false}.
-- Answer and readings as in tasks.lua, then the ids.

local limit, behind, mine = request[2], request[5], nil
if request[3] then
  mine = {}
  for _, bucket in ipairs(request[3]) do mine[bucket] = true end
end

local ids, opens, from, page = {}, {}, 0, mine and 1000 or limit
local first = behind and string.format('%.0f', behind[1]) or '-inf'
local late = now - request[4]

local function is_behind(id, look_at)
  return not behind or look_at > behind[1] or (look_at == behind[1] and id > behind[2])
end

while #ids < limit do
  local found = call('ZRANGE', K.due, first, string.format('%.0f', request[1]), 'BYSCORE', 'LIMIT', from, page, 'WITHSCORES')
  if #found == 0 then break end
  local members, looks_at = {}, {}
  for place = 1, #found, 2 do
    local look_at = tonumber(found[place + 1])
    if is_behind(found[place], look_at) then
      members[#members + 1] = found[place]
      looks_at[#members] = look_at
    end
  end
  for place, bytes in ipairs(values_of(K.tasks, members)) do
    if #ids == limit then break end
    local id, state = members[place], unpacked(bytes, is_state)
    -- What cannot be read is everybody's: whoever finds it first says so.
    if not mine or not state or mine[state[T.bucket]] or looks_at[place] <= late then
      ids[#ids + 1] = id
      -- A place of what is gone is told as what can't be read, no MessagePack: whoever puts that off takes the place away.
      opens[#ids] = append_state(id, bytes or '\193', state, false)
    end
  end
  from = from + page
end
return answer_with_readings({ids, opens})
