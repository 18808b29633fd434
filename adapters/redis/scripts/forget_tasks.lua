-- Forget tasks that are deleted for long and of which nothing is open. Their Skips go with them; their last definitions
-- are in nobody's place from now on. Request: {the instant before which they were deleted, limit, how many old ones to
-- leave out: those that were kept before}. Answer: {how many went, how many old ones stayed, whether more may go}.

-- So many Skips go in one step; the task goes with the last of them.
local SKIPS_MAX = 1000
local before, limit, stayed = unpack(request)
local gone, skips_gone = 0, 0

local function forget_skips(task_id)
  local members = call('ZRANGE', K.skips_by_task, '[' .. task_id .. '/', '(' .. task_id .. '0', 'BYLEX',
    'LIMIT', 0, SKIPS_MAX)
  if #members > 0 then
    call('HDEL', K.skips, unpack(members))
    call('ZREM', K.skips_by_task, unpack(members))
    call('ZREM', K.skips_by_end, unpack(members))
  end
  skips_gone = skips_gone + #members
end

local old = call('ZRANGE', K.deleted, '-inf', string.format('(%.0f', before), 'BYSCORE', 'LIMIT', stayed, limit)
local is_rest = #old == limit
for _, id in ipairs(old) do
  local task = read(K.tasks, id)
  if not task or not task[T.open] or #task[T.open] > 0 then
    stayed = stayed + 1
  else
    forget_skips(id)
    if skips_gone >= SKIPS_MAX then
      is_rest = true
      break
    end
    call('ZADD', K.superseded, 'NX', string.format('%.0f', now), string.format('%s/%.0f', id, task[T.version]))
    call('HDEL', K.forgotten, id)
    put_task(task, nil)
    gone = gone + 1
  end
end
write_journal()
return answer({gone, stayed, is_rest})
