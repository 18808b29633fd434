-- What changed behind a place in the journal. Request: {the id of an entry ('': none, the beginning; false: no place is
-- known), its number, how many changes at most (but one entry, whatever it tells), whether the tasks are read}. Answer: {whether the place is known, the id and number of the newest entry, those of the last one that was read, tasks,
-- executions}, each thing told once; readings: the states of the tasks, '' where there is none any more.

local id, number, changes_max, with_states = request[1], request[2], request[3], request[4]

local function number_of(entry)
  return tonumber(entry[2][2])
end

-- Lines of a text that were not told yet go to the end of `ids`.
local told = {}
local function collect(text, ids)
  for line in string.gmatch(text, '[^\n]+') do
    if not told[line] then
      told[line] = true
      ids[#ids + 1] = line
    end
  end
end

-- Every change tells a task, so the first entry that ever was has told as many as its number says.
local function is_first(entry)
  local _, lines = string.gsub(entry[2][4], '[^\n]+', '')
  return number_of(entry) == lines
end

local newest = call('XREVRANGE', K.journal, '+', '-', 'COUNT', 1)[1]
local is_known = false
if id == '' then
  local oldest = call('XRANGE', K.journal, '-', '+', 'COUNT', 1)[1]
  is_known = number == 0 and (not oldest or is_first(oldest))
elseif id then
  local entry = call('XRANGE', K.journal, id, id)[1]
  is_known = entry and number_of(entry) == number or false
end
local newest_id, newest_number = newest and newest[1] or '', newest and number_of(newest) or 0
if not is_known then return answer({false, newest_id, newest_number}) end

local tasks, executions, last_id, last_number = {}, {}, id, number
for _, entry in ipairs(call('XRANGE', K.journal, id == '' and '-' or '(' .. id, '+', 'COUNT', changes_max + 1)) do
  if last_id ~= id and number_of(entry) - number > changes_max then break end
  collect(entry[2][4], tasks)
  collect(entry[2][6], executions)
  last_id, last_number = entry[1], number_of(entry)
end
if with_states then
  for _, task_id in ipairs(tasks) do append(call('HGET', K.tasks, task_id)) end
end
return answer_with_readings({true, newest_id, newest_number, last_id, last_number, tasks, executions})
