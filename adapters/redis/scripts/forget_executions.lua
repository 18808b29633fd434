-- Forget executions that have ended, the oldest first, with all that belongs to them. Request: {the instant before which
-- they ended, how many are kept in all, limit}, or {task, how many are kept of it, limit, true}.
-- Answer: how many went.

local function is_sound(execution)
  return execution and FINAL[execution[E.state]] and type(execution[E.task_id]) == 'string'
    and type(execution[E.kind]) == 'string' and type(execution[E.key]) == 'string'
end

local function forget_run(execution)
  call('HDEL', K.runs, run_of(execution))
  if execution[E.kind] == 'backfill' and execution[E.nominal_at] then
    call('ZREM', K.backfills, backfill_of(execution))
  end
  local dead = redrive_of(execution)
  if dead then call('SREM', K.redriven, dead) end
end

local function forget(id, is_old)
  local execution = read(K.executions, id)
  if is_sound(execution) then
    if not is_old then note_forgotten(execution[E.task_id], tonumber(string.sub(id, 1, 14), 16) or 0) end
    unindex(execution)
    call('ZREM', K.by_task, execution[E.task_id] .. '/' .. id)
    if execution[E.kind] ~= 'auto' then forget_run(execution) end
    for start = 1, tonumber(execution[E.starts]) or 0 do
      call('HDEL', K.attempts, string.format('%s/%.0f', id, start))
    end
  end
  call('HDEL', K.executions, id)
  call('HDEL', K.progress, id)
  call('HDEL', K.volumes, id)
  call('SREM', K.redriven, id)
  call('UNLINK', PREFIX .. 'log:' .. id)
end

local function forget_old(before, kept, limit)
  local oldest, excess, gone = {}, -kept, 0
  for state in pairs(FINAL) do
    excess = excess + call('ZCARD', K[state])
    local found = call('ZRANGE', K[state], 0, limit - 1, 'WITHSCORES')
    for place = 1, #found, 2 do
      oldest[#oldest + 1] = {tonumber(found[place + 1]), found[place], state}
    end
  end
  table.sort(oldest, function(one, other)
    if one[1] ~= other[1] then return one[1] < other[1] end
    return one[2] < other[2]
  end)
  for _, each in ipairs(oldest) do
    if gone == limit or (each[1] >= before and gone >= excess) then break end
    forget(each[2], each[1] < before)
    -- Where the record cannot be read, these are what is known of it.
    call('ZREM', K[each[3]], each[2])
    call('ZREM', K.by_state, each[3] .. '/' .. each[2])
    gone = gone + 1
  end
  return gone
end

local function forget_of_task(task_id, kept, limit)
  local from, to = '[' .. task_id .. '/', '(' .. task_id .. '0'
  local task, is_open, open, gone = read(K.tasks, task_id), {}, 0, 0
  for _, id in ipairs(task and task[T.open] or {}) do
    is_open[id] = true
    open = open + 1
  end
  local excess = math.min(call('ZLEXCOUNT', K.by_task, from, to) - open - kept, limit)
  if excess <= 0 then return 0 end
  for _, member in ipairs(call('ZRANGE', K.by_task, from, to, 'BYLEX', 'LIMIT', 0, excess + open)) do
    if gone == excess then break end
    local id = string.sub(member, #task_id + 2)
    if not is_open[id] then
      forget(id, false)
      call('ZREM', K.by_task, member)
      gone = gone + 1
    end
  end
  return gone
end

local is_of_task = request[4]
local one, other, limit = unpack(request)
return answer(is_of_task and forget_of_task(one, other, limit) or forget_old(one, other, limit))
