-- A copy is whole. Request: {the mark that must stand there, generation and fence of the source, tzdata or false, number
-- of its last change, anchor and head of its chain of access records or false}. Answer: whether it was written.

local seen, generation_there, fence, tzdata, last_change, anchor, head = unpack(request)
if call('HGET', K.meta, 'mark') ~= seen then return answer(false) end

local function at_least(field, value)
  local own = tonumber(call('HGET', K.meta, field) or 0)
  call('HSET', K.meta, field, string.format('%.0f', math.max(own, value)))
end

at_least('sealed_generation', generation_there + 1)
at_least('fence', fence)
at_least('changes', last_change)
if tzdata then call('HSET', K.meta, 'tzdata', tzdata) else call('HDEL', K.meta, 'tzdata') end
if head then call('HSET', K.access, 'anchor', anchor, 'head', head) end
call('HSET', K.meta, 'generation', call('HGET', K.meta, 'sealed_generation'))
call('HDEL', K.meta, 'mark', 'sealed_generation')
return answer(true)
