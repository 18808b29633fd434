-- Signs of life. Request: {execution, token, progress or false, lines} of each. Answer: {which are lost, which are to
-- stop}, by their places.

local lost, cancelled = {}, {}
for place, beat in ipairs(request) do
  local execution = read(K.executions, beat[1])
  if not execution or execution[E.state] ~= 'running' or execution[E.token] ~= beat[2] then
    lost[#lost + 1] = place
  else
    -- Where no number stands, whoever watches sees this one, too.
    if type(redis.pcall('HINCRBY', K.beats, beat[1], 1)) == 'table' then call('HSET', K.beats, beat[1], 1) end
    if beat[3] then call('HSET', K.progress, beat[1], beat[3]) end
    if #beat[4] > 0 then write_lines(beat[1], beat[4]) end
    if beat[3] or #beat[4] > 0 then tell(execution[E.task_id], beat[1]) end
    if execution[E.cancel] then cancelled[#cancelled + 1] = place end
  end
end
write_journal()
return answer({lost, cancelled})
