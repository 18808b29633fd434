-- Whether all firing is held; the reading is the hold, empty if there is none. No request.

append(call('HGET', K.access, 'hold'))
return answer_with_readings(false)
