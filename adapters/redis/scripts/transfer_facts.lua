-- What the store knows of itself. Answer: {name, generation, fence, tzdata or false, number of the last change, mark or
-- false}; readings: anchor and head of the chain of access records.

local name, own, sealed, fence, tzdata, changes, mark = unpack(call('HMGET', K.meta, 'store_id', 'generation',
  'sealed_generation', 'fence', 'tzdata', 'changes', 'mark'))
append(call('HGET', K.access, 'anchor'))
append(call('HGET', K.access, 'head'))
return answer_with_readings({name, tonumber(own or sealed), tonumber(fence or 0), tzdata, tonumber(changes or 0), mark})
