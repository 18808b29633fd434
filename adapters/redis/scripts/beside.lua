-- What is told and counted beside a step.

local function write_lines(id, lines)
  local volume = unpacked(call('HGET', K.volumes, id)) or {0, 0}
  for _, line in ipairs(lines) do
    if volume[1] > LINES_MAX then break end
    local is_too_much = volume[1] == LINES_MAX or volume[2] + #line[3] > LOG_BYTES_MAX
    local kept = is_too_much and {line[1], 'warning', TRUNCATED} or line
    call('RPUSH', PREFIX .. 'log:' .. id, cmsgpack.pack(kept))
    volume[1], volume[2] = is_too_much and LINES_MAX + 1 or volume[1] + 1, volume[2] + #kept[3]
  end
  call('HSET', K.volumes, id, cmsgpack.pack(volume))
end

-- An execution or a Skip goes before it is old; of a task that is gone nobody asks.
local function note_forgotten(task_id, at)
  if call('HEXISTS', K.tasks, task_id) == 0 then return end
  local known = tonumber(call('HGET', K.forgotten, task_id))
  if not known or at > known then call('HSET', K.forgotten, task_id, string.format('%.0f', at)) end
end

-- `hour` is the text of its beginning in microseconds, `kind` type/state/step; `count` is how many there are of it.
local function count_finishes(hour, kind, count)
  zadd(K.hours, hour, hour)
  call('HINCRBY', PREFIX .. 'hours:' .. hour, kind, count)
end
