"""Which columns hold the values of the rows in adapters/records: tasks and their definitions."""

from adapters.records.tasks import DEFINITION_FIELDS, FACE_FIELDS, STATE_FIELDS, TASK_STATE_FIELDS
from adapters.sql.store.tables import definitions, executions, tasks

# What a step may move without another version, in the order of `state_row`.
STATE_COLUMNS = tuple(tasks.c[name] for name in STATE_FIELDS)
# What people search by, in the order of `face_row`.
FACE_COLUMNS = tuple(tasks.c[name] for name in FACE_FIELDS)
# What never changes, in the order of `birth_row`, behind the others.
BIRTH_COLUMNS = (tasks.c.bucket, tasks.c.created_at)
DEFINITION_COLUMNS = tuple(definitions.c[name] for name in DEFINITION_FIELDS)
VERSION_COLUMNS = (definitions.c.task_id, definitions.c.version, *DEFINITION_COLUMNS, definitions.c.search_text)
# What `task_of` reads.
TASK_COLUMNS = (*(tasks.c[name] for name in TASK_STATE_FIELDS), *DEFINITION_COLUMNS)
# What deciding needs to know of an open execution.
OPEN_COLUMNS = (executions.c.task_id, executions.c.id, executions.c.kind, executions.c.state)
