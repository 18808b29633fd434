-- A page of records to be moved, in the order of their keys. Request: {kind, behind which place or '', limit}.
-- Answer: {names, behind which place to go on or false}; readings: the records of each name, '' where there is none.

local kind, after, limit = unpack(request)
local names = {}

-- The next members of an index that sorts by text.
local function members_of(zset, count)
  return call('ZRANGE', zset, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', 0, count)
end

local function append_all(values)
  for place = 1, #names do append(values[place]) end
end

-- Where a page of an index ends that has `found` of the members asked for.
local function place_behind(found)
  return #found == limit and found[#found] or false
end

-- Every task has versions, and they lie in the order of the tasks: from one task to the next is a step.
local function task_ids()
  local found, from, task_id = {}, after == '' and '-' or '[' .. after .. '0', nil
  while #found < limit do
    local member = call('ZRANGE', K.versions, from, '+', 'BYLEX', 'LIMIT', 0, 1)[1]
    task_id = member and string.match(member, '^(.*)/')
    if not task_id then break end
    found[#found + 1] = task_id
    from = '[' .. task_id .. '0'
  end
  return found
end

local function tell_tasks(hash)
  local found = task_ids()
  local values = values_of(hash, found)
  for place, id in ipairs(found) do
    if values[place] then
      names[#names + 1] = id
      append(values[place])
    end
  end
  return place_behind(found)
end

local function tell_versions()
  local found, versions = members_of(K.versions, limit), {}
  for place, member in ipairs(found) do
    local task_id, version = string.match(member, '^(.*)/([^/]*)$')
    versions[place] = string.format('%s/%.0f', task_id, tonumber(version) or 0)
    names[place] = {member, tonumber(call('ZSCORE', K.superseded, versions[place])) or false}
  end
  local definitions, payloads = values_of(K.definitions, versions), values_of(K.payloads, versions)
  for place = 1, #found do
    append(definitions[place])
    append(payloads[place])
  end
  return place_behind(found)
end

-- The next executions: the first of those of all states.
local function execution_ids()
  local ids = {}
  for _, state in ipairs(STATES) do
    local members = call('ZRANGE', K.by_state, '(' .. state .. '/' .. after, '(' .. state .. '0', 'BYLEX', 'LIMIT', 0, limit)
    for _, member in ipairs(members) do ids[#ids + 1] = string.sub(member, #state + 2) end
  end
  table.sort(ids)
  for place = #ids, limit + 1, -1 do ids[place] = nil end
  return ids
end

local function tell_executions()
  names = execution_ids()
  local records, progress = values_of(K.executions, names), values_of(K.progress, names)
  local volumes = values_of(K.volumes, names)
  for place = 1, #names do
    append(records[place])
    append(progress[place])
    append(volumes[place])
  end
  return place_behind(names)
end

local function tell_attempts()
  local found = execution_ids()
  local records = values_of(K.executions, found)
  for place, id in ipairs(found) do
    local execution = unpacked(records[place], is_execution)
    for start = 1, execution and execution[E.starts] or 0 do
      names[#names + 1] = string.format('%s/%.0f', id, start)
    end
  end
  append_all(values_of(K.attempts, names))
  return place_behind(found)
end

local function tell_log_lines()
  local found = execution_ids()
  local volumes = values_of(K.volumes, found)
  for place, id in ipairs(found) do
    for number, line in ipairs(volumes[place] and call('LRANGE', PREFIX .. 'log:' .. id, 0, -1) or {}) do
      names[#names + 1] = string.format('%s/%.0f', id, number - 1)
      append(line)
    end
    -- The lines of an execution are told together.
    if #names >= limit then return place < #found and id or place_behind(found) end
  end
  return place_behind(found)
end

local function tell_changes()
  names = call('ZRANGE', K.changes_by_number, after == '' and '-inf' or '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, limit)
  append_all(values_of(K.changes, names))
  return place_behind(names)
end

local function tell_access_records()
  local found = call('ZRANGE', K.access_records, after == '' and '-inf' or '(' .. after, '+inf', 'BYSCORE',
    'LIMIT', 0, limit, 'WITHSCORES')
  for place = 1, #found, 2 do
    names[#names + 1] = found[place + 1]
    append(found[place])
  end
  return place_behind(names)
end

local function tell_hours()
  local hours = call('ZRANGE', K.hours, after == '' and '-inf' or '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, limit)
  for place, hour in ipairs(hours) do
    names[place] = {hour, call('HGETALL', PREFIX .. 'hours:' .. hour)}
    -- An hour has as many counts as there are ways to end.
    if place >= limit / 10 then return place < #hours and hour or place_behind(hours) end
  end
  return place_behind(hours)
end

-- People and their programs are few.
local function tell_all(hash)
  local all = call('HGETALL', hash)
  for place = 1, #all, 2 do
    names[#names + 1] = all[place]
    append(all[place + 1])
  end
  return false
end

local function tell_skips()
  names = members_of(K.skips_by_task, limit)
  append_all(values_of(K.skips, names))
  return place_behind(names)
end

local TELL = {
  tasks = function() return tell_tasks(K.tasks) end,
  versions = tell_versions,
  executions = tell_executions,
  attempts = tell_attempts,
  log_lines = tell_log_lines,
  skips = tell_skips,
  changes = tell_changes,
  hours = tell_hours,
  forgotten = function() return call('HLEN', K.forgotten) > 0 and tell_tasks(K.forgotten) end,
  users = function() return tell_all(K.users) end,
  tokens = function() return tell_all(K.api_tokens) end,
  access_records = tell_access_records,
  holds = function()
    local hold = call('HGET', K.access, 'hold')
    if hold then
      names[1] = '1'
      append(hold)
    end
    return false
  end,
}
local behind = TELL[kind]()
return answer_with_readings({names, behind})
