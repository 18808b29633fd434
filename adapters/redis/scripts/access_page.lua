-- The records of access that match, newest first, among the next `most` below a number: nobody waits for a whole year
-- of them. request: actor, subject and action, each false for any; the number, false for the beginning; how many are
-- wanted; and `most`. The answer is where to go on, false at the end; the readings are the records.
local actor, subject, action, below, wanted, most = unpack(request)

local function is_asked_for(record)
  return record
    and (not actor or record[R.actor] == actor)
    and (not subject or record[R.subject] == subject)
    and (not action or record[R.action] == action)
end

local first = below and string.format('(%.0f', below) or '+inf'
local found = call('ZREVRANGEBYSCORE', K.access_records, first, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
for place = 1, #found, 2 do
  if is_asked_for(unpacked(found[place])) then
    append(found[place])
    wanted = wanted - 1
    if wanted == 0 then return answer_with_readings(tonumber(found[place + 1])) end
  end
end
return answer_with_readings(#found == 2 * most and tonumber(found[#found]))
