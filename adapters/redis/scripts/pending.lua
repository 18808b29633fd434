-- What is to be known of what is pending. Request: {'suspects'}: is a suspect claimable; or {'unknown', age,
-- limit}: which were put back for their handlers first so long ago or longer, longest ago first.

if request[1] == 'unknown' then
  local until_ = string.format('%.0f', now - request[2])
  return answer(call('ZRANGE', K.put_back, '-inf', until_, 'BYSCORE', 'LIMIT', 0, request[3]))
end
for _, task_type in ipairs(call('SMEMBERS', K.types)) do
  local lane = 'suspects:' .. task_type
  if call('ZCARD', PREFIX .. lane) > 0 then return answer(true) end
  local due = call('ZCOUNT', PREFIX .. 'delayed:' .. lane, '-inf', string.format('%.0f', now))
  if due > 0 then return answer(true) end
end
return answer(false)
