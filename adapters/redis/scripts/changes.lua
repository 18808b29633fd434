-- Changes in the reverse of the order in which they were made. Request: {task or false, the number before which they
-- are, actor, action, since and until that they must have or false, limit}.
-- Answer: {number, name of its task} of each; the number before which to go on, or false. Readings: they.

local SCANNED_MAX = 1000
local task_id, before, actor, action, since, until_, limit = unpack(request)

local function found_by_index()
  if not task_id then
    return call('ZRANGE', K.changes_by_number, '(' .. before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, SCANNED_MAX)
  end
  local prefix = task_id .. '/'
  local members = call('ZRANGE', K.changes_by_task, '(' .. prefix .. before, '[' .. prefix, 'BYLEX', 'REV',
    'LIMIT', 0, SCANNED_MAX)
  for place, member in ipairs(members) do members[place] = string.sub(member, #prefix + 1) end
  return members
end

local function is_asked_for(change)
  local at = tonumber(change[C.at]) or 0
  return (not actor or change[C.actor] == actor) and (not action or change[C.action] == action)
    and (not since or at >= since) and (not until_ or at < until_)
end

local names = {}
local function name_of(id)
  if not names[id] then
    local task = read(K.tasks, id)
    names[id] = task and task[T.name] or ''
  end
  return names[id]
end

local numbers = found_by_index()
local found, last = {}, false
for _, number in ipairs(numbers) do
  if #found == limit then break end
  last = number
  local change, bytes = read(K.changes, number)
  if change and change[C.task_id] and is_asked_for(change) then
    append(bytes)
    found[#found + 1] = {number, name_of(change[C.task_id])}
  end
end
local is_over = #found < limit and #numbers < SCANNED_MAX
return answer_with_readings({found, not is_over and last})
