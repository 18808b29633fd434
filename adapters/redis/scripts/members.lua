-- The records of the processes that are here. request: by how many microseconds one was last seen before it is gone.
for _, node in ipairs(call('HKEYS', K.members)) do
  local seen = read(K.members, node)
  if seen and tonumber(seen[1]) and now - seen[1] <= request then append(seen[2]) end
end
return answer_with_readings(true)
