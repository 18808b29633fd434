-- Forgets records of access from the beginning of the chain, and keeps the place where the rest begins.
-- request: before which instant, and how many at most. One that can't be read goes with the next one that can.
local before, most = unpack(request)

local last, gone = nil, 0
for place, bytes in ipairs(call('ZRANGE', K.access_records, 0, most - 1)) do
  local record = unpacked(bytes)
  if record and type(record[R.at]) == 'number' then
    if record[R.at] >= before then break end
    last, gone = record, place
  end
end
if last then
  call('HSET', K.access, 'anchor', cmsgpack.pack({last[R.number], last[R.hash]}))
  call('ZREMRANGEBYRANK', K.access_records, 0, gone - 1)
end
return answer(gone)
