-- Tasks with their open executions, to decide on, in one snapshot. Request: {task ids, execution ids, what else is to be
-- known: {idempotency keys, names, runs}, with payloads}. Tasks of the named executions are read, too.
-- Answer: {tasks: {id, how many are open} of each, executions: {how many attempts, beats} of each or false, changes by key,
-- holders of names, executions of runs with their versions}. Readings: of each task its state, definition, payload and
-- open executions; of each execution its record and its attempts; of each known key its change.

local tasks, is_there = {}, {}

local function append_work(id)
  if is_there[id] then return end
  is_there[id] = true
  local state, bytes = read(K.tasks, id)
  if not state then return end
  append(bytes)
  local version = string.format('%s/%.0f', id, state[T.version])
  append(call('HGET', K.definitions, version))
  append(request[4] and call('HGET', K.payloads, version))
  for _, execution_id in ipairs(state[T.open]) do
    append(call('HGET', K.executions, execution_id))
  end
  tasks[#tasks + 1] = {id, #state[T.open]}
end

for _, id in ipairs(request[1]) do append_work(id) end
local stored, beats, records = values_of(K.executions, request[2]), values_of(K.beats, request[2]), {}
for place, bytes in ipairs(stored) do
  records[place] = unpacked(bytes, is_execution) or false
  if records[place] then append_work(records[place][E.task_id]) end
end

local executions = {}
for place, record in ipairs(records) do
  executions[place] = false
  if record then
    append(stored[place])
    executions[place] = {record[E.starts], number_of(beats[place])}
    for start = 1, record[E.starts] do
      append(call('HGET', K.attempts, string.format('%s/%.0f', request[2][place], start)))
    end
  end
end

local known, holders, runs = {}, {}, {}
for place, idempotency_key in ipairs(request[3][1]) do
  local number = call('HGET', K.keys, idempotency_key)
  known[place] = number or false
  if number then append(call('HGET', K.changes, number)) end
end
for place, name in ipairs(request[3][2]) do
  holders[place] = call('HGET', K.names, name) or false
end
for place, run in ipairs(request[3][3]) do
  local id = call('HGET', K.runs, run)
  local record = id and read(K.executions, id)
  runs[place] = record and {id, record[E.version]} or false
end
return answer_with_readings({tasks, executions, known, holders, runs})
