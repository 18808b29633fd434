-- The running executions, longest available first. Request: {how many at most, of this worker or false for all}.
-- Answer: {execution, token, worker, beat} of each.

local held = {}
for _, member in ipairs(call('ZRANGE', K.by_state, '[running/', '(running0', 'BYLEX')) do
  local id = string.sub(member, 9)
  local execution = read(K.executions, id)
  if execution and execution[E.token] and (not request[2] or execution[E.worker_id] == request[2]) then
    local beat = number_of(call('HGET', K.beats, id))
    held[#held + 1] = {execution[E.available_at], id, execution[E.token], execution[E.worker_id], beat}
  end
end
table.sort(held, function(one, other)
  if one[1] ~= other[1] then return one[1] < other[1] end
  return one[2] < other[2]
end)
local answers = {}
for place = 1, math.min(#held, request[1]) do
  answers[place] = {held[place][2], held[place][3], held[place][4], held[place][5]}
end
return answer(answers)
