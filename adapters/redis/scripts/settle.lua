-- Ends of attempts with which nothing else ends or begins: the handler succeeded, nobody waits for its turn, and the task
-- goes on as before, or is completed by its last occurrence (protocol 5). Whatever else may follow from an end is the
-- domain's to say (`Work.settle`), so all others are decided on a reading and go through write.lua.
--
-- Request: {execution, token, whether it succeeded, result or false, progress or false, log lines} of each, in the order in
-- which they count. Answer: for each whether it was settled. Nothing is changed for the others, nor for what comes behind
-- one of them in the same task.

local HOUR = 3600 * 1000000
local TASK_KINDS = {auto = true, continuation = true}
local GOES_ON = {active = true, paused = true}

local ids, executions = {}, {}
for place, each in ipairs(request) do ids[place] = each[1] end
do
  -- One that is named twice is one record, so that the second end finds what the first has left.
  local known = {}
  for place, bytes in ipairs(values_of(K.executions, ids)) do
    local id = ids[place]
    if known[id] == nil then known[id] = unpacked(bytes, is_execution) or false end
    executions[place] = known[id]
  end
end

local function is_one_waiting(open)
  if #open < 2 then return false end
  for first = 1, #open, WORDS_MAX do
    local names = {}
    for place = first, math.min(first + WORDS_MAX - 1, #open) do names[#names + 1] = 'waiting/' .. open[place] end
    for _, score in ipairs(call('ZMSCORE', K.by_state, unpack(names))) do
      if score then return true end
    end
  end
  return false
end

-- The tasks whose executions may be settled here, by id: {state, how many are left open, those that end}. One that cannot
-- be read is none of them: of it nothing may be counted.
local tasks = {}
do
  local task_ids, is_there, states, versions = {}, {}, {}, {}
  for _, execution in ipairs(executions) do
    local id = execution and execution[E.task_id]
    if id and not is_there[id] then
      is_there[id], task_ids[#task_ids + 1] = true, id
    end
  end
  for place, bytes in ipairs(values_of(K.tasks, task_ids)) do
    local state = unpacked(bytes, is_state)
    states[place] = state or false
    versions[place] = state and string.format('%s/%.0f', task_ids[place], state[T.version]) or ''
  end
  for place, bytes in ipairs(values_of(K.definitions, versions)) do
    local state = states[place]
    if state and unpacked(bytes) and not is_one_waiting(state[T.open]) then
      tasks[task_ids[place]] = {state, #state[T.open], {}}
    end
  end
end

-- Whatever its schedule, a task whose last occurrence has succeeded is completed.
local function completes(task, execution)
  return not task[1][T.next_nominal_at] and GOES_ON[task[1][T.status]] and task[2] == 1 and TASK_KINDS[execution[E.kind]]
end

local function is_plain(task, execution, token, has_succeeded)
  if not has_succeeded or execution[E.state] ~= 'running' or execution[E.token] ~= token then return false end
  local state = task[1]
  return state[T.next_nominal_at] or not GOES_ON[state[T.status]] or completes(task, execution)
end

local function step_of(execution)
  if not execution[E.started_at] then return NO_STEP end
  for place, step in ipairs(STEPS) do
    if now - execution[E.started_at] <= step then return place - 1 end
  end
  return #STEPS
end

local hour, finishes = string.format('%.0f', now - now % HOUR), {}

local function end_execution(execution, result)
  local id, start = execution[E.id], execution[E.starts]
  unindex(execution)
  execution[E.state], execution[E.finished_at] = 'succeeded', now
  execution[E.result_json], execution[E.error] = result, false
  index(execution)
  hset(K.executions, id, cmsgpack.pack(execution))
  local attempt = {
    start, execution[E.worker_id], execution[E.started_at], now, 'succeeded', false, execution[E.token], 'succeeded',
  }
  hset(K.attempts, string.format('%s/%.0f', id, start), cmsgpack.pack(attempt))
end

local function settle(task, execution, result, progress, lines)
  local id, state = execution[E.id], task[1]
  end_execution(execution, result)
  if progress then hset(K.progress, id, progress) end
  if #lines > 0 then write_lines(id, lines) end
  if completes(task, execution) then
    state[T.status], state[T.pause], state[T.look_at] = 'completed', false, false
    look_at_index(state)
  end
  state[T.last_state], state[T.error_count], state[T.open_seq] = 'succeeded', 0, state[T.open_seq] + 1
  task[2], task[3][id] = task[2] - 1, true
  local kind = string.format('%s/succeeded/%d', state[T.task_type], step_of(execution))
  finishes[kind] = (finishes[kind] or 0) + 1
  tell(state[T.id], id)
end

local answers, is_held_up = {}, {}
for place, each in ipairs(request) do
  local execution, is_settled = executions[place], false
  local id = execution and execution[E.task_id]
  local task = id and not is_held_up[id] and tasks[id]
  if task and is_plain(task, execution, each[2], each[3]) then
    settle(task, execution, unpack(each, 4, 6))
    is_settled = true
  elseif id then
    is_held_up[id] = true
  end
  answers[place] = is_settled
end

for id, task in pairs(tasks) do
  local state, ended, left = task[1], task[3], {}
  if next(ended) then
    for _, each in ipairs(state[T.open]) do
      if not ended[each] then left[#left + 1] = each end
    end
    state[T.open] = left
    hset(K.tasks, id, cmsgpack.pack(state))
  end
end
for kind, count in pairs(finishes) do count_finishes(hour, kind, count) end
write_journal()
return answer(answers)
