-- What scripts do with tasks and executions: records and their places, messages, readings.

-- Tasks.

local function look_at_index(state)
  if state[T.look_at] then
    zadd(K.due, state[T.look_at], state[T.id])
  else
    zrem(K.due, state[T.id])
  end
end

-- `old` nil: the task is new. `new` nil: it is forgotten.
local function put_task(old, new, bytes)
  local id = (new or old)[T.id]
  local was_living = old and not old[T.deleted_at]
  local is_living = new and not new[T.deleted_at]
  if was_living and not (is_living and new[T.name] == old[T.name]) then
    call('HDEL', K.names, old[T.name])
    zrem(K.by_name, old[T.name] .. '\0' .. id)
  end
  if is_living and not (was_living and new[T.name] == old[T.name]) then
    call('HSET', K.names, new[T.name], id)
    zadd(K.by_name, 0, new[T.name] .. '\0' .. id)
  end
  if is_living and not was_living then
    zadd(K.living, 0, id)
    if old then zrem(K.deleted, id) end
  elseif was_living and not is_living then
    zrem(K.living, id)
  end
  if not new then
    hdel(K.tasks, id)
    zrem(K.deleted, id)
    zrem(K.due, id)
  else
    if not is_living then zadd(K.deleted, new[T.deleted_at], id) end
    if not old or old[T.look_at] ~= new[T.look_at] then look_at_index(new) end
    hset(K.tasks, id, bytes)
  end
  tell(id)
end

-- Executions.

local FINAL = {succeeded = true, dead = true, cancelled = true, delivered = true}

-- What ten thousand executions of one step have in common is spelled once: each new string costs the script a quarter of
-- a microsecond, and the format of a number twice that.
local function remembered(spell)
  local known = {}
  return function(of)
    local text = known[of]
    if not text then
      text = spell(of)
      known[of] = text
    end
    return text
  end
end

local lane_of_type = remembered(function(task_type) return 'lane:' .. task_type end)
local stream_of = remembered(function(task_type) return 'stream:' .. task_type .. ':tasks' end)
local at_prefix = remembered(function(name) return PREFIX .. name end)
local whole = remembered(function(number) return string.format('%.0f', number) end)

local function lane_of(execution)
  if execution[E.rescues] >= ISOLATED_AFTER then return 'suspects:' .. execution[E.task_type] end
  return lane_of_type(execution[E.task_type])
end

local function version_of(execution)
  return execution[E.task_id] .. '/' .. whole(execution[E.version])
end

-- False where somebody else has a key of another type: a command for streams would fail, and the step with it.
local kinds = {}
local function may_be_stream(name)
  kinds[name] = kinds[name] or call('TYPE', name).ok
  return kinds[name] == 'stream' or kinds[name] == 'none'
end

-- Of a stream that is full: forget what every group has read. Entries that a group holds or has still to read stay.
local function trim(stream)
  local floor
  for _, group in ipairs(call('XINFO', 'GROUPS', stream)) do
    local fields = {}
    for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
    local first = fields['last-delivered-id']
    local pending = call('XPENDING', stream, fields['name'])
    if pending[1] > 0 then first = pending[2] end
    local ms, seq = string.match(first, '(%d+)-(%d+)')
    local place = {tonumber(ms), tonumber(seq)}
    if not floor or place[1] < floor[1] or (place[1] == floor[1] and place[2] < floor[2]) then floor = place end
  end
  if floor then call('XTRIM', stream, 'MINID', '~', string.format('%.0f-%.0f', floor[1], floor[2])) end
end

local lengths, now_text = {}, string.format('%.0f', now)

-- Trimmed is only where a stream may be too long: to be asked for it costs a message a tenth of its time.
local function append_message(stream, most, ...)
  if most then return call('XADD', stream, 'MAXLEN', '~', most, '*', ...) end
  return call('XADD', stream, '*', ...)
end

-- True while there is room in a stream, or when that has been made.
local function has_room(stream)
  if not lengths[stream] then
    lengths[stream] = call('XLEN', stream)
    if lengths[stream] >= STREAM_WINDOW then
      trim(stream)
      lengths[stream] = call('XLEN', stream)
    end
  end
  return lengths[stream] < STREAM_WINDOW
end

-- Dispatch an execution: one message in the stream of its type. While STREAM_WINDOW messages wait there, what is
-- managed gets its message with its claim (`is_urgent`); the order of claims is that of the lanes, not of the stream.
-- Where no stream may be, it gets none, and is claimed without; what is external is not written then (write.lua).
local function send(execution, state, is_urgent)
  local stream = stream_of(execution[E.task_type])
  local most = execution[E.state] == 'delivered' and EXTERNAL_MAX or STREAM_MAX
  if not may_be_stream(stream) then return false end
  if most == STREAM_MAX and not is_urgent then
    if not has_room(stream) then return false end
    lengths[stream], most = lengths[stream] + 1, nil
  end
  local version = version_of(execution)
  local name = state and state[T.version] == execution[E.version] and state[T.name]
  local definition = not name and read(K.definitions, version)
  return append_message(stream, most,
    'task_name', name or (definition and definition[1]) or (state and state[T.name]) or '',
    'payload', execution[E.payload_json] or call('HGET', K.payloads, version) or '{}',
    'scheduled_task_id', execution[E.task_id],
    'execution_id', execution[E.id],
    'task_type', execution[E.task_type],
    'scheduled_at', whole(execution[E.scheduled_at]),
    'dispatched_at', now_text,
    'attempt', execution[E.attempts_used] + 1,
    'traceparent', '')
end

local function unindex(execution)
  local id, state = execution[E.id], execution[E.state]
  zrem(K.by_state, state .. '/' .. id)
  if state == 'pending' then
    local lane = lane_of(execution)
    zrem(PREFIX .. lane, id)
    if execution[E.unknown_since] then
      zrem(PREFIX .. 'delayed:' .. lane, id)
      zrem(K.put_back, id)
    end
  elseif state == 'retry_wait' then
    zrem(K.retries, id)
  elseif state == 'running' then
    hdel(K.beats, id)
    local stream = stream_of(execution[E.task_type])
    if execution[E.message] and may_be_stream(stream) then xack(stream, execution[E.message]) end
  elseif FINAL[state] then
    zrem(K[state], id)
  end
end

-- Whatever looks at all lanes and streams looks at those of these types; trim_streams.lua forgets those of which there is
-- nothing any more.
local noted = {}
local function note_type(task_type)
  if not noted[task_type] then call('SADD', K.types, task_type) end
  noted[task_type] = true
end

local function index(execution)
  local id, state = execution[E.id], execution[E.state]
  zadd(K.by_state, 0, state .. '/' .. id)
  if state == 'pending' or state == 'delivered' then note_type(execution[E.task_type]) end
  if state == 'pending' then
    local lane = lane_of(execution)
    if execution[E.unknown_since] then
      zadd(K.put_back, execution[E.unknown_since], id)
      zadd(PREFIX .. 'delayed:' .. lane, execution[E.available_at], id)
    else
      zadd(at_prefix(lane), execution[E.available_at], id)
    end
  elseif state == 'retry_wait' then
    zadd(K.retries, execution[E.available_at], id)
  elseif FINAL[state] then
    zadd(K[state], execution[E.finished_at], id)
  end
end

local function run_of(execution)
  return execution[E.task_id] .. '/' .. execution[E.kind] .. '/' .. execution[E.key]
end

local function backfill_of(execution)
  return string.format('%s/%014x/%s', execution[E.task_id], execution[E.nominal_at], execution[E.id])
end

-- The dead execution in whose place this one was asked for, or nil.
local function redrive_of(execution)
  local is_redrive = execution[E.kind] == 'manual' and string.sub(execution[E.key], 1, #REDRIVE) == REDRIVE
  return is_redrive and string.sub(execution[E.key], #REDRIVE + 1) or nil
end

-- What no schedule called for is found by its key, by the occurrence it makes up for, and by the one it stands in for.
local function index_run(execution)
  call('HSET', K.runs, run_of(execution), execution[E.id])
  if execution[E.kind] == 'backfill' then zadd(K.backfills, 0, backfill_of(execution)) end
  local dead = redrive_of(execution)
  if dead and call('ZSCORE', K.dead, dead) then call('SADD', K.redriven, dead) end
end

local function is_claimable(execution)
  return execution[E.state] == 'pending' and not execution[E.unknown_since]
end

-- Store an execution that moved from `old` (nil: it is new); `state` is that of its task and `bytes` the record, if at
-- hand. What becomes claimable, or is delivered, gets its message in the same step.
local function put_execution(old, new, state, bytes)
  local id = new[E.id]
  if old then
    if old[E.state] ~= new[E.state] or old[E.state] == 'pending' or old[E.state] == 'retry_wait' then
      unindex(old)
      index(new)
    end
  else
    zadd(K.by_task, 0, new[E.task_id] .. '/' .. id)
    if new[E.kind] ~= 'auto' then index_run(new) end
    index(new)
  end
  if new[E.state] == 'delivered' or (is_claimable(new) and not (old and is_claimable(old))) then
    new[E.message], bytes = send(new, state, false), nil
  end
  hset(K.executions, id, bytes or cmsgpack.pack(new))
  tell(new[E.task_id], id)
end

-- Readings: what Python makes tasks and executions of. They are answered beside the header as they are stored, so that a
-- write can compare them byte by byte.

local readings = {}

local function append(bytes)
  readings[#readings + 1] = bytes or ''
end

-- Append a task's state, its present definition and, if asked for, its payload; return what is open of it, flat: id, kind
-- and state of each execution.
local function append_state(id, bytes, state, with_payload)
  append(bytes)
  local open = {}
  if not state then
    append('')
    append('')
    return open
  end
  local version = string.format('%s/%.0f', id, state[T.version])
  append(call('HGET', K.definitions, version))
  append(with_payload and call('HGET', K.payloads, version))
  for _, execution_id in ipairs(state[T.open]) do
    local execution = read(K.executions, execution_id)
    if execution then
      open[#open + 1] = execution_id
      open[#open + 1] = execution[E.kind]
      open[#open + 1] = execution[E.state]
    end
  end
  return open
end

local function append_task(id, with_payload)
  local state, bytes = read(K.tasks, id)
  return append_state(id, bytes, state, with_payload)
end

-- Not by unpack: the stack of Lua holds 8,000 values, and a task may have more executions.
local function answer_with_readings(value)
  table.insert(readings, 1, answer(value))
  return readings
end
