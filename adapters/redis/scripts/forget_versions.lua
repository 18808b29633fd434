-- Forget definitions in whose place others are for long, and that no execution refers to. Request: {the instant before
-- which they were replaced, limit, how many old ones to leave out: those that were kept before}.
-- Answer: {how many went, how many old ones stayed, whether more may go}.

-- A task with more executions than that keeps its definitions until they are fewer.
local LOOKED_AT_MAX = 1000
local before, limit, stayed = unpack(request)
local looked_at, gone = 0, 0

local function is_needed(task_id, version)
  local members = call('ZRANGE', K.by_task, '[' .. task_id .. '/', '(' .. task_id .. '0', 'BYLEX',
    'LIMIT', 0, LOOKED_AT_MAX + 1)
  if #members > LOOKED_AT_MAX then return true end
  for _, member in ipairs(members) do
    looked_at = looked_at + 1
    local execution = read(K.executions, string.sub(member, #task_id + 2))
    if execution and execution[E.task_id] == task_id and execution[E.version] == version then return true end
  end
  return false
end

local function forget(member, task_id, version)
  call('ZREM', K.superseded, member)
  call('HDEL', K.definitions, member)
  call('HDEL', K.payloads, member)
  call('HDEL', K.made_by, member)
  if version then call('ZREM', K.versions, string.format('%s/%010.0f', task_id, version)) end
end

while gone < limit and looked_at < LOOKED_AT_MAX do
  local member = call('ZRANGE', K.superseded, '-inf', string.format('(%.0f', before), 'BYSCORE',
    'LIMIT', stayed, 1)[1]
  if not member then return answer({gone, stayed, false}) end
  local task_id, version = string.match(member, '^(.*)/([^/]*)$')
  version = tonumber(version)
  if task_id and version and is_needed(task_id, version) then
    stayed = stayed + 1
  else
    forget(member, task_id, version)
    gone = gone + 1
  end
end
return answer({gone, stayed, true})
