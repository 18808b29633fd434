-- How many tasks are not deleted.
return answer(call('ZCARD', K.living))
