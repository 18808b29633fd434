-- Retries whose wait is over become pending, longest waiting first. Request: how many at most.
-- Answer: {how many moved, when the next wait ends or false}.

local moved = 0
for _, id in ipairs(call('ZRANGE', K.retries, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, request)) do
  local execution = read(K.executions, id)
  if execution and execution[E.state] == 'retry_wait' then
    local old = {unpack(execution, 1, E.message)}
    execution[E.state], execution[E.available_at] = 'pending', now
    put_execution(old, execution, nil)
    moved = moved + 1
  else
    call('ZREM', K.retries, id)
  end
end
flush()
local first = call('ZRANGE', K.retries, 0, 0, 'WITHSCORES')
write_journal()
return answer({moved, first[2] and tonumber(first[2]) or false})
