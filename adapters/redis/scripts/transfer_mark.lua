-- Why this store is not to be served. Request: {what must stand there or false, what is to or false, whether the store
-- must be empty}. Answer: whether it was written.
--
-- While a store is marked, it has no generation, without which no other script does anything.

local seen, by, must_be_empty = unpack(request)

if (call('HGET', K.meta, 'mark') or false) ~= seen then return answer(false) end
if must_be_empty then
  for _, key in ipairs(KEYS) do
    if key ~= K.meta and call('EXISTS', key) == 1 then return answer(false) end
  end
end

local function rename(from, to)
  local value = call('HGET', K.meta, from)
  if not value then return end
  call('HSET', K.meta, to, value)
  call('HDEL', K.meta, from)
end

if by then
  call('HSET', K.meta, 'mark', by)
  rename('generation', 'sealed_generation')
else
  call('HDEL', K.meta, 'mark')
  rename('sealed_generation', 'generation')
end
return answer(true)
