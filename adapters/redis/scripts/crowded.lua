-- Tasks of which an index by task and text has more than so many. Request: {index, how many, rank from which to look}.
-- Answer: {the tasks, the rank from which to go on or false}.
--
-- A task with more than `kept` members in a row has one at every rank of steps of kept + 1, so that looking at these is
-- enough: a thousand looks for 100,000 members.

local LOOKS_MAX = 1000
local index, kept, rank = unpack(request)
local found = {}
for _ = 1, LOOKS_MAX do
  local member = call('ZRANGE', K[index], rank + kept, rank + kept)[1]
  if not member then return answer({found, false}) end
  local task_id = string.match(member, '^(.*)/') or member
  local behind = '(' .. task_id .. '0'
  if call('ZLEXCOUNT', K[index], '[' .. task_id .. '/', behind) > kept then
    found[#found + 1] = task_id
    rank = call('ZLEXCOUNT', K[index], '-', behind)
  else
    rank = rank + kept + 1
  end
end
return answer({found, rank})
