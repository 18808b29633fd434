-- A process is here. request: its node id, its record, and by how many microseconds it was last seen before it is gone.
local node, member, silent_after = unpack(request)

for _, each in ipairs(call('HKEYS', K.members)) do
  local seen = read(K.members, each)
  if not seen or not tonumber(seen[1]) or now - seen[1] > silent_after then call('HDEL', K.members, each) end
end
call('HSET', K.members, node, cmsgpack.pack({now, member}))
return answer(true)
