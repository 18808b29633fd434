-- Which change made which version, found anew in a slice of the changes, ascending: the first that is kept of a version,
-- if the version before was superseded by it or it made the task. Request: {the number behind which they are, limit,
-- the actions that make no version}. Answer: the number to go on behind, or false.

local after, limit, makes_none, other = request[1], request[2], {}, request[3]
for _, action in ipairs(other) do makes_none[action] = true end
if after == 0 then call('DEL', K.made_by) end

local function made(change)
  local version = change[C.version]
  if version == 1 then return change[C.action] == 'create' end
  local since = call('ZSCORE', K.superseded, string.format('%s/%.0f', change[C.task_id], version - 1))
  return since and change[C.at] <= tonumber(since)
end

local numbers = call('ZRANGE', K.changes_by_number, string.format('(%.0f', after), '+inf', 'BYSCORE', 'LIMIT', 0, limit)
for _, number in ipairs(numbers) do
  local change = read(K.changes, number)
  if change and not makes_none[change[C.action]] and made(change) then
    call('HSETNX', K.made_by, string.format('%s/%.0f', change[C.task_id], change[C.version]), number)
  end
end
return answer(#numbers == limit and tonumber(numbers[#numbers]))
