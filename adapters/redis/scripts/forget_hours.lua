-- Forget what was counted in hours long ago. Request: {the instant before which they began, limit}. Answer: how many went.

local hours = call('ZRANGE', K.hours, '-inf', string.format('(%.0f', request[1]), 'BYSCORE', 'LIMIT', 0, request[2])
for _, hour in ipairs(hours) do
  call('UNLINK', PREFIX .. 'hours:' .. hour)
  call('ZREM', K.hours, hour)
end
return answer(#hours)
