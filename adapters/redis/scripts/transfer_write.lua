-- Records that are moved here. Request: {kind, puts, removals}; each is what the kind's functions below take.
-- Nothing is sent for them: what was dispatched was so by the store they come from, and what is pending gets its message
-- with its claim.

local kind, puts, removals = unpack(request)

local function is_there(id)
  return call('HEXISTS', K.executions, id) == 1
end

-- Which executions of a task are open stands in its state: {[task] = {[execution] = true or false}}.
local opened = {}

local function note_open(task_id, id, is_open)
  opened[task_id] = opened[task_id] or {}
  opened[task_id][id] = is_open
end

local function keep_open()
  for task_id, moved in pairs(opened) do
    local state = read(K.tasks, task_id)
    if state then
      local open = {}
      for _, id in ipairs(state[T.open]) do
        if moved[id] == nil then open[#open + 1] = id end
      end
      for id, is_open in pairs(moved) do
        if is_open then open[#open + 1] = id end
      end
      table.sort(open)
      state[T.open] = open
      hset(K.tasks, task_id, cmsgpack.pack(state))
    end
  end
end

-- Who has a name keeps it until its own row is written: that takes the name of nobody who has it by then.
local function replace_task(old, new, bytes)
  local name = old and old[T.name]
  local holder = name and call('HGET', K.names, name)
  put_task(old, new, bytes)
  if holder and holder ~= old[T.id] then call('HSET', K.names, name, holder) end
end

local function remove_execution(id)
  local execution = read(K.executions, id)
  if not execution then return end
  unindex(execution)
  zrem(K.by_task, execution[E.task_id] .. '/' .. id)
  note_open(execution[E.task_id], id, false)
  if execution[E.kind] ~= 'auto' then
    hdel(K.runs, run_of(execution))
    if execution[E.kind] == 'backfill' then zrem(K.backfills, backfill_of(execution)) end
    local dead = redrive_of(execution)
    if dead then call('SREM', K.redriven, dead) end
  end
  for start = 1, execution[E.starts] do hdel(K.attempts, string.format('%s/%.0f', id, start)) end
  for _, hash in ipairs({K.executions, K.progress, K.volumes}) do hdel(hash, id) end
  call('SREM', K.redriven, id)
  call('UNLINK', PREFIX .. 'log:' .. id)
end

local function set_or_remove(hash, name, value)
  if value then hset(hash, name, value) else hdel(hash, name) end
end

local PUT, REMOVE = {}, {}

-- {id, state without what is open}
function PUT.tasks(id, bytes)
  local old, new = read(K.tasks, id), unpacked(bytes)
  new[T.open] = old and old[T.open] or {}
  replace_task(old, new, cmsgpack.pack(new))
end

function REMOVE.tasks(id)
  local old = read(K.tasks, id)
  if not old then return end
  local members = call('ZRANGE', K.skips_by_task, '[' .. id .. '/', '(' .. id .. '0', 'BYLEX')
  for _, member in ipairs(members) do
    hdel(K.skips, member)
    zrem(K.skips_by_task, member)
    zrem(K.skips_by_end, member)
  end
  hdel(K.forgotten, id)
  replace_task(old, nil)
end

-- {task/version, task/version in 10 digits, definition, payload or false, since when another is in its place or false}
function PUT.versions(version, member, definition, payload, superseded_at)
  hset(K.definitions, version, definition)
  set_or_remove(K.payloads, version, payload)
  zadd(K.versions, 0, member)
  if superseded_at then zadd(K.superseded, superseded_at, version) else zrem(K.superseded, version) end
end

function REMOVE.versions(version, member)
  for _, hash in ipairs({K.definitions, K.payloads, K.made_by}) do hdel(hash, version) end
  zrem(K.versions, member)
  zrem(K.superseded, version)
end

-- {id, record, progress or false, volume or false}
function PUT.executions(id, bytes, progress, volume)
  local old, new = read(K.executions, id), unpacked(bytes)
  if old then
    unindex(old)
  else
    zadd(K.by_task, 0, new[E.task_id] .. '/' .. id)
    if new[E.kind] ~= 'auto' then
      -- It is looked up whether the one in whose place it is asked for is dead.
      if redrive_of(new) then flush() end
      index_run(new)
    end
  end
  index(new)
  if new[E.state] == 'running' then hset(K.beats, id, 0) end
  if FINAL[new[E.state]] == nil or old then note_open(new[E.task_id], id, not FINAL[new[E.state]]) end
  hset(K.executions, id, bytes)
  set_or_remove(K.progress, id, progress)
  set_or_remove(K.volumes, id, volume)
  tell(new[E.task_id], id)
end

REMOVE.executions = remove_execution

-- {execution, execution/start, record}
function PUT.attempts(id, name, bytes)
  if is_there(id) then hset(K.attempts, name, bytes) end
end

function REMOVE.attempts(_, name)
  hdel(K.attempts, name)
end

-- {execution, number, line}, ascending: numbers are places in a list.
function PUT.log_lines(id, number, line)
  local log = PREFIX .. 'log:' .. id
  local count = call('LLEN', log)
  if number < count then
    call('LSET', log, number, line)
  elseif number == count and is_there(id) then
    call('RPUSH', log, line)
  end
end

function REMOVE.log_lines(id, number)
  if number == 0 then
    call('UNLINK', PREFIX .. 'log:' .. id)
  else
    call('LTRIM', PREFIX .. 'log:' .. id, 0, number - 1)
  end
end

-- {task, task/first instant, record, last instant}
function PUT.skips(task_id, name, bytes, last_at)
  if call('HEXISTS', K.tasks, task_id) == 0 then return end
  hset(K.skips, name, bytes)
  zadd(K.skips_by_task, 0, name)
  zadd(K.skips_by_end, last_at, name)
end

function REMOVE.skips(_, name)
  hdel(K.skips, name)
  zrem(K.skips_by_task, name)
  zrem(K.skips_by_end, name)
end

-- {number, 12 digits, record, task, idempotency key or false}
function PUT.changes(number, bytes, task_id, idempotency_key)
  hset(K.changes, number, bytes)
  zadd(K.changes_by_number, tonumber(number), number)
  zadd(K.changes_by_task, 0, task_id .. '/' .. number)
  if idempotency_key then hset(K.keys, idempotency_key, number) end
end

function REMOVE.changes(number)
  local change = read(K.changes, number)
  hdel(K.changes, number)
  zrem(K.changes_by_number, number)
  if not change then return end
  zrem(K.changes_by_task, change[C.task_id] .. '/' .. number)
  local idempotency_key = change[C.idempotency_key]
  if idempotency_key and call('HGET', K.keys, idempotency_key) == number then hdel(K.keys, idempotency_key) end
end

-- {hour, type/state/step, count}
function PUT.hours(hour, name, count)
  zadd(K.hours, tonumber(hour), hour)
  hset(PREFIX .. 'hours:' .. hour, name, count)
end

function REMOVE.hours(hour, name)
  call('HDEL', PREFIX .. 'hours:' .. hour, name)
  if call('EXISTS', PREFIX .. 'hours:' .. hour) == 0 then zrem(K.hours, hour) end
end

function PUT.forgotten(task_id, until_)
  if call('HEXISTS', K.tasks, task_id) == 1 then hset(K.forgotten, task_id, until_) end
end

function REMOVE.forgotten(task_id)
  hdel(K.forgotten, task_id)
end

function PUT.users(name, bytes)
  hset(K.users, name, bytes)
end

function REMOVE.users(name)
  hdel(K.users, name)
end

function PUT.tokens(digest, bytes)
  hset(K.api_tokens, digest, bytes)
end

function REMOVE.tokens(digest)
  hdel(K.api_tokens, digest)
end

-- {number as text, record}
function PUT.access_records(number, bytes)
  call('ZREMRANGEBYSCORE', K.access_records, number, number)
  call('ZADD', K.access_records, number, bytes)
end

function REMOVE.access_records(number)
  call('ZREMRANGEBYSCORE', K.access_records, number, number)
end

function PUT.holds(bytes)
  hset(K.access, 'hold', bytes)
end

function REMOVE.holds()
  hdel(K.access, 'hold')
end

for _, each in ipairs(removals) do REMOVE[kind](unpack(each)) end
flush()
for _, each in ipairs(puts) do PUT[kind](unpack(each)) end
flush()
keep_open()
write_journal()
return answer(true)
