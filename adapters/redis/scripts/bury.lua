-- Silent executions whose tasks are gone, so that nobody can say what follows: they end, cancelled if they were asked to
-- stop, else dead. Request: {{execution, token, beat} of each, error}; what runs on, or has a task, stays as it is.
-- Answer: for each {task, state}, or false if it was not ended.

local HOUR = 3600 * 1000000
local silent, gone = unpack(request)

local function is_alone(execution, token, beat)
  return execution and execution[E.state] == 'running' and execution[E.token] == token
    and number_of(call('HGET', K.beats, execution[E.id])) == beat
    and call('HEXISTS', K.tasks, execution[E.task_id]) == 0
end

local function bury(execution)
  local id, start, error = execution[E.id], execution[E.starts], not execution[E.cancel] and gone
  local attempt = {
    start, execution[E.worker_id], execution[E.started_at], now, 'rescued', error, execution[E.token], false,
  }
  unindex(execution)
  execution[E.state], execution[E.finished_at], execution[E.error] = error and 'dead' or 'cancelled', now, error
  index(execution)
  hset(K.executions, id, cmsgpack.pack(execution))
  hset(K.attempts, string.format('%s/%.0f', id, start), cmsgpack.pack(attempt))
  local kind = string.format('%s/%s/%d', execution[E.task_type], execution[E.state], NO_STEP)
  count_finishes(string.format('%.0f', now - now % HOUR), kind, 1)
  tell(execution[E.task_id], id)
  return {execution[E.task_id], execution[E.state]}
end

local answers = {}
for place, each in ipairs(silent) do
  local execution = read(K.executions, each[1])
  answers[place] = is_alone(execution, each[2], each[3]) and bury(execution) or false
end
write_journal()
return answer(answers)
