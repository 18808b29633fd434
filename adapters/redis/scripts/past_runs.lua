-- The last ended executions of tasks. Request: {tasks, limit}. Answer: of each task {id, state, started at or false,
-- finished at} of each, newest first.

local limit = request[2]

local function past_runs_of(task_id)
  local task, is_open, runs, open = read(K.tasks, task_id), {}, {}, 0
  for _, id in ipairs(task and task[T.open] or {}) do
    is_open[id] = true
    open = open + 1
  end
  local members = call('ZRANGE', K.by_task, '(' .. task_id .. '0', '[' .. task_id .. '/', 'BYLEX', 'REV',
    'LIMIT', 0, limit + open)
  for _, member in ipairs(members) do
    if #runs == limit then break end
    local id = string.sub(member, #task_id + 2)
    local execution = not is_open[id] and read(K.executions, id)
    if execution and FINAL[execution[E.state]] then
      runs[#runs + 1] = {id, execution[E.state], execution[E.started_at], execution[E.finished_at]}
    end
  end
  return runs
end

local found = {}
for place, task_id in ipairs(request[1]) do found[place] = past_runs_of(task_id) end
return answer(found)
