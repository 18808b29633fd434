-- What a process is told when it connects: which store this is, and whether another server has it now.
-- request: the run_id of the server, the schema the process knows and since which one programs can work with that, a name
-- for a store that is new (false: none is to be begun), the name of the store the process knows (false: none yet), whether
-- it is there to move the store, and whether it may write. Nothing is written where nothing has changed; where it would
-- have to be by who may not, that is the answer.
local run_id, schema, usable_since, new_name, known, for_transfer, may_write = unpack(request)
local name = call('HGET', K.meta, 'store_id')

if not name then
  if known then return answer({'gone'}) end
  -- Everything is written together with meta, so keys without it are somebody else's, or what is left of ours.
  for _, key in ipairs(KEYS) do
    if call('EXISTS', key) == 1 then return answer({'foreign'}) end
  end
  if not new_name then return answer({'none'}) end
  if not may_write then return answer({'changes'}) end
  call('HSET', K.meta, 'store_id', new_name, 'schema', schema, 'usable_since', usable_since, 'generation', 1,
    'server', run_id)
  generation = 1
  return answer({'met', new_name})
end
if known and known ~= name then return answer({'gone'}) end
local written_by = tonumber(call('HGET', K.meta, 'schema'))
-- Whoever wrote a newer one left word since which schema programs can work with it. Moving it, they would leave behind
-- what they do not know.
local is_newer = written_by > schema
if is_newer and (for_transfer or tonumber(call('HGET', K.meta, 'usable_since') or written_by) > schema) then
  return answer({'newer', tostring(written_by)})
end
local mark = call('HGET', K.meta, 'mark')
if mark and not for_transfer then return answer({'marked', mark}) end
local is_same_server = call('HGET', K.meta, 'server') == run_id
if is_same_server and written_by >= schema then return answer({'met', name}) end
if not may_write then return answer({'changes'}) end
if written_by < schema then
  -- Schema 1 had all executions in an index of their own, too.
  if written_by < 2 then call('UNLINK', PREFIX .. 'ids') end
  -- Up to schema 2 a store that was sealed was said to be held.
  local held = call('HGET', K.meta, 'held_generation')
  if held then
    call('HSET', K.meta, 'mark', (string.gsub(mark, '^%["held"', '["sealed"')), 'sealed_generation', held)
    call('HDEL', K.meta, 'held_generation')
  end
  call('HSET', K.meta, 'schema', schema, 'usable_since', usable_since)
end
if not is_same_server then
  call('HSET', K.meta, 'server', run_id)
  generation = call('HINCRBY', K.meta, mark and 'sealed_generation' or 'generation', 1)
end
return answer({'met', name})
