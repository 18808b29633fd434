-- What waits for a worker. Answer: {type, how many executions of it are pending}, where there are any.

local pending = {}
for _, task_type in ipairs(call('SMEMBERS', K.types)) do
  local count = 0
  for _, lane in ipairs({'lane:', 'suspects:', 'delayed:lane:', 'delayed:suspects:'}) do
    count = count + call('ZCARD', PREFIX .. lane .. task_type)
  end
  if count > 0 then pending[#pending + 1] = {task_type, count} end
end
return answer(pending)
