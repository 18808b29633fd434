-- The version of the time zone data. Request: nothing, to read it, or the version to keep. Answer: what there was, or false.

local kept = call('HGET', K.meta, 'tzdata')
if request then call('HSET', K.meta, 'tzdata', request) end
return answer(kept)
