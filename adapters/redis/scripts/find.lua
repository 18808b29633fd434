-- Tasks by what they are. Request: {'name', name}, {'after', id or '', limit}: those not deleted by id, or {'living', id},
-- {'deleted', id}: this one if it is that.
-- Answer and readings as in tasks.lua.

local ids
if request[1] == 'name' then
  ids = {call('HGET', K.names, request[2]) or nil}
elseif request[1] == 'living' or request[1] == 'deleted' then
  ids = {call('ZSCORE', K[request[1]], request[2]) and request[2] or nil}
else
  local from = request[2] == '' and '-' or '(' .. request[2]
  ids = call('ZRANGE', K.living, from, '+', 'BYLEX', 'LIMIT', 0, request[3])
end
local opens = {}
for place, id in ipairs(ids) do
  opens[place] = append_task(id, true)
end
return answer_with_readings({ids, opens})
