-- The one hard step: firings in which nothing ends, neither an execution nor the task (protocol 3). What ends with one
-- is the domain's to say (`Work.commit`), so all others are decided on a reading and go through write.lua.
--
-- Request: {firings, quarantines}. A firing: {task, version, decided_until, open_seq or false, good_until or false,
-- decided_at, decided_until then, next nominal instant, next run instant, trailing skip or false,
-- runs: {id, key, state, run instant, nominal instant} of each, skips: {name, last instant, record} of each}.
-- A quarantine: {task, version or false, decided_until or false, quarantine, look_at}.
-- Answer: for each true, false (it has moved), or by how many microseconds it is too early; false for all: it is another
-- store by now.

if is_of_another_generation() then return answer(false) end

local function answer_to(state, firing)
  local is_as_read = state and state[T.status] == 'active' and not state[T.deleted_at]
    and state[T.version] == firing[2] and state[T.decided_until] == firing[3]
    and (not firing[4] or state[T.open_seq] == firing[4])
  if not is_as_read or (firing[5] and now >= firing[5]) then return false end
  if firing[6] > now then return firing[6] - now end
  return true
end

-- What all are born with. One array serves them all, one after the other: whoever stores an execution packs it at once.
local born = {}
for place = 1, E.message do born[place] = false end
born[E.kind], born[E.created_at], born[E.available_at] = 'auto', now, now
born[E.attempts_used], born[E.starts], born[E.rescues], born[E.fence], born[E.number] = 0, 0, 0, 0, 0

local function bear(state, run)
  born[E.id], born[E.task_id], born[E.key], born[E.version] = run[1], state[T.id], run[2], state[T.version]
  born[E.state], born[E.scheduled_at], born[E.nominal_at] = run[3], run[4], run[5]
  born[E.task_type], born[E.message] = state[T.task_type], false
  put_execution(nil, born, state)
end

local function pass_over(id, skip)
  local name = id .. '/' .. skip[1]
  hset(K.skips, name, skip[3])
  zadd(K.skips_by_task, 0, name)
  zadd(K.skips_by_end, skip[2], name)
end

-- Read at once, and kept as they become: whatever comes twice in one request finds what the first has made of it.
local ids, run_ids, states, is_there = {}, {}, {}, {}
for place, firing in ipairs(request[1]) do
  ids[place] = firing[1]
  for _, run in ipairs(firing[11]) do run_ids[#run_ids + 1] = run[1] end
end
for place, bytes in ipairs(values_of(K.tasks, ids)) do states[ids[place]] = states[ids[place]] or unpacked(bytes, is_state) end
for place, bytes in ipairs(values_of(K.executions, run_ids)) do is_there[run_ids[place]] = bytes and true end

local function commit(state, firing)
  local id, runs, open = state[T.id], firing[11], state[T.open]
  for _, run in ipairs(runs) do
    -- An occurrence that has an execution already keeps it.
    if not is_there[run[1]] then bear(state, run) end
    is_there[run[1]] = true
    open[#open + 1] = run[1]
  end
  for _, skip in ipairs(firing[12]) do pass_over(id, skip) end
  if #runs > 0 then
    if #open > 1 then table.sort(open) end
    state[T.auto_runs], state[T.run_count] = state[T.auto_runs] + #runs, state[T.run_count] + #runs
    state[T.open_seq], state[T.last_run_at] = state[T.open_seq] + 1, now
  end
  state[T.decided_until], state[T.next_nominal_at], state[T.next_run_at] = firing[7], firing[8], firing[9]
  state[T.look_at], state[T.trailing_skip], state[T.quarantine] = firing[9], firing[10], false
  zadd(K.due, firing[9], id)
  hset(K.tasks, id, cmsgpack.pack(state))
  tell(id)
end

-- A row of which nothing can be read is put off alone by where it stands in the index.
local function put_off(quarantine)
  local id, look_at = quarantine[1], string.format('%.0f', quarantine[5])
  local state, bytes = read(K.tasks, id)
  if not bytes then
    -- Of what is gone, nothing comes any more.
    call('ZREM', K.due, id)
    return false
  end
  if state then
    local is_stopped = state[T.deleted_at] or state[T.status] == 'completed' or state[T.status] == 'failed'
    local is_as_read = not quarantine[2]
      or (state[T.version] == quarantine[2] and state[T.decided_until] == quarantine[3])
    if is_stopped or not is_as_read then return false end
    state[T.quarantine], state[T.look_at] = quarantine[4], quarantine[5]
    call('HSET', K.tasks, id, cmsgpack.pack(state))
  end
  call('ZADD', K.due, look_at, id)
  tell(id)
  return true
end

local answers = {}
for place, firing in ipairs(request[1]) do
  local state = states[firing[1]]
  answers[place] = answer_to(state, firing)
  if answers[place] == true then commit(state, firing) end
end
-- A task that was fired may be put off behind that.
flush()
local put_offs = {}
for place, quarantine in ipairs(request[2]) do put_offs[place] = put_off(quarantine) end
write_journal()
return answer({answers, put_offs})
