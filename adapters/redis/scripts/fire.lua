-- The one hard step: firings in which nothing ends, neither an execution nor the task (protocol 3). What ends with one
-- is the domain's to say (`Work.commit`), so all others are decided on a reading and go through write.lua.
--
-- Request: {firings, runs, skips, quarantines}. The first three are flat, one behind the other: an array for each of them
-- would cost a fifth of the script's time. A firing: task, version, decided_until, open_seq or false, good_until or false,
-- decided_at, decided_until then, next nominal instant, next run instant, trailing skip or false, how many runs and how
-- many skips are its own. A run: id, key, state, run instant, nominal instant. A skip: name, last instant, record.
-- A quarantine: {task, version or false, decided_until or false, quarantine, look_at}.
-- Answer: for each true, false (it has moved), or by how many microseconds it is too early; false for all: it is another
-- store by now.

if is_of_another_generation() then return answer(false) end

local FIRING, RUN, SKIP = 12, 5, 3
local firings, runs, skips, quarantines = unpack(request)

local function answer_to(state, version, decided_until, open_seq, good_until, decided_at)
  local is_as_read = state and state[T.status] == 'active' and not state[T.deleted_at]
    and state[T.version] == version and state[T.decided_until] == decided_until
    and (not open_seq or state[T.open_seq] == open_seq)
  if not is_as_read or (good_until and now >= good_until) then return false end
  if decided_at > now then return decided_at - now end
  return true
end

-- What all are born with. One array serves them all, one after the other: whoever stores an execution packs it at once.
local born = {}
for place = 1, E.message do born[place] = false end
born[E.kind], born[E.created_at], born[E.available_at] = 'auto', now, now
born[E.attempts_used], born[E.starts], born[E.rescues], born[E.fence], born[E.number] = 0, 0, 0, 0, 0

local function bear(state, at)
  born[E.id], born[E.key], born[E.state], born[E.scheduled_at], born[E.nominal_at] = unpack(runs, at, at + RUN - 1)
  born[E.task_id], born[E.version] = state[T.id], state[T.version]
  born[E.task_type], born[E.message] = state[T.task_type], false
  put_execution(nil, born, state)
end

local function pass_over(id, at)
  local name = id .. '/' .. skips[at]
  hset(K.skips, name, skips[at + 2])
  zadd(K.skips_by_task, 0, name)
  zadd(K.skips_by_end, skips[at + 1], name)
end

-- Read at once, and kept as they become: whatever comes twice in one request finds what the first has made of it.
local ids, run_ids, states, is_there = {}, {}, {}, {}
for at = 1, #firings, FIRING do ids[#ids + 1] = firings[at] end
for at = 1, #runs, RUN do run_ids[#run_ids + 1] = runs[at] end
for place, bytes in ipairs(values_of(K.tasks, ids)) do states[ids[place]] = states[ids[place]] or unpacked(bytes, is_state) end
for place, bytes in ipairs(values_of(K.executions, run_ids)) do is_there[run_ids[place]] = bytes and true end

-- Commit the firing at `at`, whose `count` runs begin at `run`, and whose skips at `skip` and end before `skips_end`.
local function commit(state, at, run, count, skip, skips_end)
  local id, open = state[T.id], state[T.open]
  for each = run, run + (count - 1) * RUN, RUN do
    -- An occurrence that has an execution already keeps it.
    if not is_there[runs[each]] then bear(state, each) end
    is_there[runs[each]] = true
    open[#open + 1] = runs[each]
  end
  for each = skip, skips_end - 1, SKIP do pass_over(id, each) end
  if count > 0 then
    if #open > 1 then table.sort(open) end
    state[T.auto_runs], state[T.run_count] = state[T.auto_runs] + count, state[T.run_count] + count
    state[T.open_seq], state[T.last_run_at] = state[T.open_seq] + 1, now
  end
  state[T.decided_until], state[T.next_nominal_at], state[T.next_run_at] = unpack(firings, at + 6, at + 8)
  state[T.look_at], state[T.trailing_skip], state[T.quarantine] = state[T.next_run_at], firings[at + 9], false
  zadd(K.due, state[T.look_at], id)
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

local answers, run, skip = {}, 1, 1
for place, id in ipairs(ids) do
  local at = (place - 1) * FIRING + 1
  local state, count, skips_end = states[id], firings[at + 10], skip + firings[at + 11] * SKIP
  answers[place] = answer_to(state, unpack(firings, at + 1, at + 5))
  if answers[place] == true then commit(state, at, run, count, skip, skips_end) end
  run, skip = run + count * RUN, skips_end
end
-- A task that was fired may be put off behind that.
flush()
local put_offs = {}
for place, quarantine in ipairs(quarantines) do put_offs[place] = put_off(quarantine) end
write_journal()
return answer({answers, put_offs})
