-- Tasks by name. Request: {the name behind which to begin, or '', limit}. Answer: {ids, what is open of each, the last
-- name, or false if nothing is behind it}; readings as in tasks.lua.

-- A name has no control characters: behind "name NUL id" and before every longer name comes "name SOH".
local from = request[1] == '' and '-' or '[' .. request[1] .. '\1'
local limit = request[2]
local members = call('ZRANGE', K.by_name, from, '+', 'BYLEX', 'LIMIT', 0, limit + 1)
local ids, opens, last = {}, {}, false
for place, member in ipairs(members) do
  local nul = string.find(member, '\0', 1, true)
  if place > limit then break end
  ids[place] = string.sub(member, nul + 1)
  opens[place] = append_task(ids[place], true)
  if place == limit and #members > limit then last = string.sub(member, 1, nul - 1) end
end
return answer_with_readings({ids, opens, last})
