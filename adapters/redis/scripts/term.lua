-- Who does the upkeep. Request: nothing, to read it, or {what must stand there, what is to}. Answer: the text, or whether
-- it was written.

local vacant = '/0 0'
local held = call('HGET', K.meta, 'term') or vacant
if not request then return answer(held) end
-- What somebody wrote there by hand stands in nobody's way.
if not string.match(held, '^.*/%d+ %d+$') then held = vacant end
if held ~= request[1] then return answer(false) end
call('HSET', K.meta, 'term', request[2])
return answer(true)
