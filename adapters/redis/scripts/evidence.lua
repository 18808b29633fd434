-- What is on record about a task around a span, in one snapshot; see History.evidence. Request: {task; beginning of the
-- span in microseconds; beginning and end as the ids of executions begin; how many records of a kind; the changes that
-- are about one execution}.
-- Answer: false: there is no such task; or {what is open of the task, {id, attempts} of each execution, how many Skips,
-- how many changes, versions as text, whether the span has more, up to when some were forgotten before they were old or
-- false}. Readings: the task as in tasks.lua; of each execution its record, its progress and its attempts; Skips; changes;
-- definitions.
--
-- Each walk along the task's executions or changes ends after SCANNED_MAX, however many others stand in between.

local SCANNED_MAX = 1000
local task_id, since, first, beyond, kept, of_execution = unpack(request)
-- Behind the id of any execution.
local LAST = 'g'

if call('HEXISTS', K.tasks, task_id) == 0 then return answer(false) end
local prefix = task_id .. '/'
local open = append_task(task_id, true)

local is_open, is_named, named = {}, {}, {}
local function name(id)
  if is_named[id] then return end
  is_named[id] = true
  named[#named + 1] = id
end
for place = 1, #open, 3 do
  is_open[open[place]] = true
  name(open[place])
end

local function members_of(index, from, to, limit)
  return call('ZRANGE', K[index], '[' .. prefix .. from, '(' .. prefix .. to, 'BYLEX', 'LIMIT', 0, limit)
end

local function last_members_of(index, from, to, limit)
  return call('ZRANGE', K[index], '(' .. prefix .. to, '[' .. prefix .. from, 'BYLEX', 'REV', 'LIMIT', 0, limit)
end

-- Visit those of the executions that have ended, until one is enough.
local function walk(members, visit)
  for _, member in ipairs(members) do
    local id = string.sub(member, #prefix + 1)
    local execution = not is_open[id] and read(K.executions, id)
    if execution and FINAL[execution[E.state]] and visit(id, execution) then break end
  end
end

-- Of those named for an instant before: the last that had not ended by then, and the nearest automatic one.
local ended, has_automatic = 0, false
walk(last_members_of('by_task', '', first, SCANNED_MAX), function(id, execution)
  ended = ended + 1
  if ended <= kept and (tonumber(execution[E.finished_at]) or 0) >= since then name(id) end
  if not has_automatic and execution[E.kind] == 'auto' then
    has_automatic = true
    name(id)
  end
  return has_automatic and ended >= kept
end)

-- Those named for an instant of the span.
local within = 0
walk(members_of('by_task', first, beyond, SCANNED_MAX), function(id)
  within = within + 1
  if within <= kept then name(id) end
  return within > kept
end)

-- Those that made up for an instant of the span.
local backfills = members_of('backfills', first, beyond, kept + 1)
for place = 1, math.min(#backfills, kept) do
  name(string.match(backfills[place], '([^/]*)$'))
end

-- Those behind the span, up to the run instant of the nearest automatic one, and that one.
local behind, nearest, run = {}, nil, LAST
walk(members_of('by_task', beyond, LAST, SCANNED_MAX), function(id, execution)
  if id >= run then return true end
  behind[#behind + 1] = id
  if not nearest and execution[E.kind] == 'auto' then
    nearest = id
    run = string.format('%014x', math.max(tonumber(execution[E.scheduled_at]) or 0, 0))
  end
  return nearest and #behind >= kept
end)
for place = 1, math.min(#behind, kept) do
  if behind[place] < run then name(behind[place]) end
end
if nearest then name(nearest) end

-- Those that took the place of any of these.
for place = 1, #named do
  local again = call('HGET', K.runs, prefix .. 'manual/' .. REDRIVE .. named[place])
  if again then name(again) end
end

table.sort(named)
local executions = {}
for _, id in ipairs(named) do
  local execution, bytes = read(K.executions, id)
  if execution then
    local starts = tonumber(execution[E.starts]) or 0
    executions[#executions + 1] = {id, starts}
    append(bytes)
    append(call('HGET', K.progress, id))
    for start = 1, starts do append(call('HGET', K.attempts, string.format('%s/%.0f', id, start))) end
  end
end

-- Skips that begin in the span, and the nearest on either side.
local skips = last_members_of('skips_by_task', '', first, 1)
local in_span = members_of('skips_by_task', first, beyond, kept + 1)
for place = 1, math.min(#in_span, kept) do skips[#skips + 1] = in_span[place] end
skips[#skips + 1] = members_of('skips_by_task', beyond, LAST, 1)[1]
for _, member in ipairs(skips) do append(call('HGET', K.skips, member)) end

-- The last changes of the task itself, and the last of these executions.
local is_of_execution = {}
for _, action in ipairs(of_execution) do is_of_execution[action] = true end
local changes, of_task, of_named = {}, 0, 0
for _, member in ipairs(last_members_of('changes_by_task', '', ':', SCANNED_MAX)) do
  local change, bytes = read(K.changes, string.sub(member, #prefix + 1))
  if change and is_of_execution[change[C.action]] then
    if of_named < kept and is_named[change[C.execution_id]] then
      of_named = of_named + 1
      changes[#changes + 1] = bytes
    end
  elseif change and of_task < kept then
    of_task = of_task + 1
    changes[#changes + 1] = bytes
  end
end
for place = #changes, 1, -1 do append(changes[place]) end

local versions = last_members_of('versions', '', ':', kept)
for place, member in ipairs(versions) do
  versions[place] = string.sub(member, #prefix + 1)
  append(call('HGET', K.definitions, string.format('%s%.0f', prefix, tonumber(versions[place]) or 0)))
end

local is_cut = math.max(within, #backfills, #in_span) > kept
local forgotten = tonumber(call('HGET', K.forgotten, task_id)) or false
return answer_with_readings({open, executions, #skips, #changes, versions, is_cut, forgotten})
