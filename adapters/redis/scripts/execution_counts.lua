-- How many executions there are. Request: the open states; the states in which they end; a day and an hour in
-- microseconds. Answer: {state, how many} of those that are open; the same of those that ended within the day: those of
-- its whole hours are counted already, even where the executions are forgotten, and those of its first part are kept.

local open_states, final_states, day, hour = unpack(request)
local open, ended = {}, {}
for place, state in ipairs(open_states) do
  open[place] = {state, call('ZLEXCOUNT', K.by_state, '[' .. state .. '/', '(' .. state .. '0')}
end

local since = now - day
local first = since - since % hour + hour
for _, state in ipairs(final_states) do
  ended[state] = call('ZCOUNT', K[state], string.format('(%.0f', since), string.format('(%.0f', first))
end
for _, each in ipairs(call('ZRANGE', K.hours, string.format('%.0f', first), '+inf', 'BYSCORE')) do
  local counts = call('HGETALL', PREFIX .. 'hours:' .. each)
  for place = 1, #counts, 2 do
    local state = string.match(counts[place], '/([^/]*)/[^/]*$')
    if ended[state] then ended[state] = ended[state] + (tonumber(counts[place + 1]) or 0) end
  end
end
for place, state in ipairs(final_states) do final_states[place] = {state, ended[state]} end
return answer({open, final_states})
