-- A process is here, or leaves. request: its node id, its record (false: it leaves), and by how many microseconds it was
-- last seen before it is gone.
local node, member, silent_after = unpack(request)

for _, each in ipairs(call('HKEYS', K.members)) do
  local seen = read(K.members, each)
  if not seen or not tonumber(seen[1]) or now - seen[1] > silent_after then call('HDEL', K.members, each) end
end
if member then
  call('HSET', K.members, node, cmsgpack.pack({now, member}))
else
  call('HDEL', K.members, node)
end
return answer(true)
