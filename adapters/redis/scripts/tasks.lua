-- Tasks, in one snapshot. Request: {ids, with_payload}. Answer: what is open of each; readings: three of each.

local opens = {}
for place, id in ipairs(request[1]) do
  opens[place] = append_task(id, request[2])
end
return answer_with_readings(opens)
