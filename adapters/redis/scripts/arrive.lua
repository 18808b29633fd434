-- What a process is told when it connects: which store this is, and whether another server has it now.
-- request: the run_id of the server, the schema the process knows, a name for a store that is new (false: none is to be
-- begun), the name of the store the process knows (false: none yet), and whether it is there to move the store.
local run_id, schema, new_name, known, for_transfer = unpack(request)
local name = call('HGET', K.meta, 'store_id')

if not name then
  if known then return answer({'gone'}) end
  -- Everything is written together with meta, so keys without it are somebody else's, or what is left of ours.
  for _, key in ipairs(KEYS) do
    if call('EXISTS', key) == 1 then return answer({'foreign'}) end
  end
  if not new_name then return answer({'none'}) end
  call('HSET', K.meta, 'store_id', new_name, 'schema', schema, 'generation', 1, 'server', run_id)
  generation = 1
  return answer({'met', new_name})
end
if known and known ~= name then return answer({'gone'}) end
if tonumber(call('HGET', K.meta, 'schema')) > schema then return answer({'newer'}) end
local mark = call('HGET', K.meta, 'mark')
if mark and not for_transfer then return answer({'marked', mark}) end
if call('HGET', K.meta, 'server') ~= run_id then
  call('HSET', K.meta, 'server', run_id)
  generation = call('HINCRBY', K.meta, mark and 'held_generation' or 'generation', 1)
end
return answer({'met', name})
