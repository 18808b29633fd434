-- Claims of executions that Python cannot read: taken back as if they had never been, and left out for a while, so that
-- they make room for the others. Request: their ids.

local LEFT_OUT_FOR = 60 * 1000000

for _, id in ipairs(request) do
  local execution = read(K.executions, id)
  if execution and execution[E.state] == 'running' then
    unindex(execution)
    call('HDEL', K.attempts, string.format('%s/%.0f', id, execution[E.starts]))
    execution[E.state], execution[E.token], execution[E.worker_id] = 'pending', false, false
    execution[E.starts], execution[E.started_at] = execution[E.starts] - 1, false
    note_type(execution[E.task_type])
    call('ZADD', K.by_state, 0, 'pending/' .. id)
    call('ZADD', PREFIX .. 'delayed:' .. lane_of(execution), string.format('%.0f', now + LEFT_OUT_FOR), id)
    if execution[E.unknown_since] then
      call('ZADD', K.put_back, string.format('%.0f', execution[E.unknown_since]), id)
    end
    call('HSET', K.executions, id, cmsgpack.pack(execution))
    tell(execution[E.task_id], id)
  end
end
write_journal()
return answer(true)
