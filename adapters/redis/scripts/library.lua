-- What every script of the store begins with. Before it stand K (the keys by name), PREFIX, and T and E: the places of
-- the fields of a task's state and of an execution's record (adapters/redis/script.py writes them down).
--
-- Scripts are isolated but do not roll back, so each reads and compares before it writes, and nothing that is written
-- depends on what might fail. Large numbers are written with string.format: tostring would round them.

local call = redis.call
local request = cmsgpack.unpack(ARGV[3])

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end

local now = clock()
local generation = tonumber(call('HGET', K.meta, 'generation') or 0)

-- What is put into sorted sets and hashes, or taken out of them, waits and goes to the server by the key, not one by one:
-- that costs half as much. What is taken out goes first, so that what a step takes from a place and puts there again is
-- there. So a script that reads what it wrote itself flushes before; `names`, `keys` and `runs`, by which the parts of one
-- script are judged, are written at once. A score is given as a number, of which the server keeps every digit.

-- So many words go in one command at most: the stack of Lua holds 8,000.
local WORDS_MAX = 6000
local WAITING_MAX = WORDS_MAX / 2
local ORDER = {'ZREM', 'HDEL', 'ZADD', 'HSET', 'XACK'}
local waiting, how_many = {ZREM = {}, HDEL = {}, ZADD = {}, HSET = {}, XACK = {}}, 0

local function flush()
  if how_many == 0 then return end
  for _, command in ipairs(ORDER) do
    for key, words in pairs(waiting[command]) do call(command, key, unpack(words)) end
    waiting[command] = {}
  end
  how_many = 0
end

local function words_to(command, key)
  if how_many == WAITING_MAX then flush() end
  how_many = how_many + 1
  local words = waiting[command][key]
  if not words then
    words = {}
    waiting[command][key] = words
  end
  return words, #words
end

local function zadd(zset, score, member)
  local words, count = words_to('ZADD', zset)
  words[count + 1], words[count + 2] = score, member
end

local function zrem(zset, member)
  local words, count = words_to('ZREM', zset)
  words[count + 1] = member
end

local function hset(hash, field, value)
  local words, count = words_to('HSET', hash)
  words[count + 1], words[count + 2] = field, value
end

local function hdel(hash, field)
  local words, count = words_to('HDEL', hash)
  words[count + 1] = field
end

-- Of a message, for the group of the workers.
local function xack(stream, message)
  local words, count = words_to('XACK', stream)
  if count == 0 then words[1], count = GROUP, 1 end
  words[count + 1] = message
end

local function answer(value)
  flush()
  return cmsgpack.pack({now, generation, value})
end

-- Whatever was here is gone: nothing is begun anew but by a process that knows of no store (arrive.lua).
if generation == 0 and ARGV[2] ~= 'arrive' then return answer(false) end

-- A reading of an earlier generation may rest on what a fail-over has lost.
local function is_of_another_generation()
  return ARGV[2] ~= '' and tonumber(ARGV[2]) ~= generation
end

-- The least that scripts ask of a record (codec.py asks it, too).
local function is_state(record)
  return type(record[T.id]) == 'string' and type(record[T.version]) == 'number' and type(record[T.open]) == 'table'
end

local function is_execution(record)
  return type(record[E.task_id]) == 'string' and type(record[E.task_type]) == 'string'
    and type(record[E.version]) == 'number' and type(record[E.starts]) == 'number'
    and type(record[E.rescues]) == 'number' and type(record[E.available_at]) == 'number'
end

-- nil: a record of which nothing can be said; a value somebody changed by hand must keep no others from their turn.
local function unpacked(bytes, is_sound)
  if not bytes then return nil end
  local ok, value = pcall(cmsgpack.unpack, bytes)
  if ok and type(value) == 'table' and (not is_sound or is_sound(value)) then return value end
  return nil
end

local SOUND = {[K.tasks] = is_state, [K.executions] = is_execution}

local function read(hash, id)
  local bytes = call('HGET', hash, id)
  return unpacked(bytes, SOUND[hash]), bytes
end

-- The values of these fields, in order; false where there is none.
local function values_of(hash, fields)
  local found = {}
  for first = 1, #fields, WORDS_MAX do
    local values = call('HMGET', hash, unpack(fields, first, math.min(first + WORDS_MAX - 1, #fields)))
    for place, value in ipairs(values) do found[first + place - 1] = value end
  end
  return found
end

-- The number that a text tells; 0 where it tells none, or one that is unlike itself.
local function number_of(text)
  local number = tonumber(text or 0)
  return number == number and number or 0
end

local changed_tasks, changed_executions, changes_made = {}, {}, 0

local function tell(task_id, execution_id)
  if execution_id then
    changed_executions[#changed_executions + 1] = execution_id
  end
  changed_tasks[#changed_tasks + 1] = task_id
  changes_made = changes_made + 1
end

-- One entry for all changes of a script; the oldest go while JOURNAL_KEPT changes are told by those behind them.
local function write_journal()
  if changes_made == 0 then return end
  local written = call('HINCRBY', K.meta, 'journal', changes_made)
  call('XADD', K.journal, '*', 'n', written, 't', table.concat(changed_tasks, '\n'),
    'e', table.concat(changed_executions, '\n'))
  for _ = 1, 10 do
    local oldest = call('XRANGE', K.journal, '-', '+', 'COUNT', 1)[1]
    if written - tonumber(oldest[2][2]) < JOURNAL_KEPT then break end
    call('XDEL', K.journal, oldest[1])
  end
end
