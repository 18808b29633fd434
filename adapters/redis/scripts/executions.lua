-- Executions, newest first. Request: {ids that are asked for, descending, or false; index and prefixes of those members
-- that are asked for; the least id and the one before which they are; task, states and backfill that they must have, or
-- false; limit; whether all that belongs to them is asked for, too}.
-- Answer: {id, name and type of its task, the one in its place, how many attempts and lines} of each; the id before
-- which to go on, or false. Readings: of each its record and progress, and its attempts and lines if they are asked for.

-- So many members are looked at: those that are asked for may be few among them, if there is a condition.
local SCANNED_MAX, PLAIN_MAX = 500, 100
local given, index, prefixes, least, before, task_id, states, backfill, limit, is_whole = unpack(request)
local most = (task_id or states or backfill) and SCANNED_MAX or math.max(limit, PLAIN_MAX)

local function found_by_index()
  local ids = {}
  for _, prefix in ipairs(prefixes) do
    local members = call('ZRANGE', K[index], '(' .. prefix .. before, '[' .. prefix .. least, 'BYLEX', 'REV',
      'LIMIT', 0, most)
    for _, member in ipairs(members) do ids[#ids + 1] = string.sub(member, #prefix + 1) end
  end
  -- What lies behind the first of all that were looked for is not complete.
  if #prefixes > 1 then table.sort(ids, function(one, other) return one > other end) end
  for place = #ids, most + 1, -1 do ids[place] = nil end
  return ids
end

local is_among
if states then
  is_among = {}
  for _, state in ipairs(states) do is_among[state] = true end
end

local function is_of_backfill(execution)
  return execution[E.kind] == 'backfill' and execution[E.nominal_at]
    and execution[E.key] == string.format('%s:%.0f', backfill, execution[E.nominal_at])
end

local function is_asked_for(execution)
  return (not task_id or execution[E.task_id] == task_id) and (not is_among or is_among[execution[E.state]])
    and (not backfill or is_of_backfill(execution))
end

local function append_parts(id, execution)
  local starts = tonumber(execution[E.starts]) or 0
  for start = 1, starts do append(call('HGET', K.attempts, string.format('%s/%.0f', id, start))) end
  local lines = call('LRANGE', PREFIX .. 'log:' .. id, 0, -1)
  for _, line in ipairs(lines) do append(line) end
  return starts, #lines
end

local tasks = {}
local function task_of(execution)
  local id = execution[E.task_id]
  if not tasks[id] then tasks[id] = read(K.tasks, id) or {} end
  return tasks[id]
end

local ids = given or found_by_index()
local found, last = {}, false
for _, id in ipairs(ids) do
  if #found == limit then break end
  last = id
  local execution, bytes = read(K.executions, id)
  if execution and execution[E.task_id] and is_asked_for(execution) then
    append(bytes)
    append(call('HGET', K.progress, id))
    local task, again, starts, lines = task_of(execution), false, 0, 0
    if execution[E.state] == 'dead' then
      again = call('HGET', K.runs, execution[E.task_id] .. '/manual/' .. REDRIVE .. id)
    end
    if is_whole then starts, lines = append_parts(id, execution) end
    found[#found + 1] = {id, task[T.name] or '', task[T.task_type] or '', again, starts, lines}
  end
end
local is_over = #found < limit and (given or #ids < most)
return answer_with_readings({found, not is_over and last})
