-- What was counted by the hour. Request: {since, until}, microseconds. Answer: {hour, fields and counts in turn} of each;
-- the hour to go on from, or false.

local COUNTS_MAX = 4000
local found, told = {}, 0
local from, to = string.format('%.0f', request[1]), string.format('(%.0f', request[2])
local hours = call('ZRANGE', K.hours, from, to, 'BYSCORE', 'LIMIT', 0, 1000)
for place, hour in ipairs(hours) do
  if told >= COUNTS_MAX then return answer({found, tonumber(hour)}) end
  local counts = call('HGETALL', PREFIX .. 'hours:' .. hour)
  found[place] = {tonumber(hour), counts}
  told = told + #counts
end
return answer({found, #hours == 1000 and tonumber(hours[1000]) + 1 or false})
