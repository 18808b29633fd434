-- What waits for somebody. Answer: dead executions that were not redriven; since when the longest pending one may be
-- claimed, or was put back first, or false; how many were put back because nobody had their handler.

local oldest = false
for _, task_type in ipairs(call('SMEMBERS', K.types)) do
  for _, lane in ipairs({'lane:', 'suspects:', 'delayed:lane:', 'delayed:suspects:'}) do
    local first = call('ZRANGE', PREFIX .. lane .. task_type, 0, 0, 'WITHSCORES')
    local at = tonumber(first[2])
    if at and (not oldest or at < oldest) then oldest = at end
  end
end
-- Each time it is put back, what is delayed gets another score there, and keeps this one.
local at = tonumber(call('ZRANGE', K.put_back, 0, 0, 'WITHSCORES')[2])
if at and (not oldest or at < oldest) then oldest = at end
return answer({call('ZCARD', K.dead) - call('SCARD', K.redriven), oldest, call('ZCARD', K.put_back)})
