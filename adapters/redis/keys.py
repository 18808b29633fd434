"""The keys of the store in Redis: what each holds, and the order in which scripts are given them.

A record is a MessagePack array in a hash, by its id; `false` stands for None, which Lua cannot keep in an array. An
index is a sorted set; where all scores are 0 its members sort as text: execution ids and hexadecimal instants sort by
time.

Keys that carry a name of their own (`lane:<type>`) are made by the scripts from PREFIX: which they are is known only
when the script has read what it works on. That is why a cluster is refused (design.md 3).
"""

from typing import Final

from application.scheduling.deliveries import STREAM

PREFIX: Final = "scheduler:"

FIXED: Final = (
    "meta",  # hash: what the store knows of itself (arrive.lua, transfer_facts.lua)
    "tasks",  # hash: task -> its state (adapters/records/tasks BIRTH_FIELDS, then the ids of what is open)
    "definitions",  # hash: task/version -> definition without its payload
    "payloads",  # hash: task/version -> payload, where it is not "{}"
    "due",  # zset: task by look_at, microseconds
    "living",  # zset by text: task not deleted
    "deleted",  # zset: task by deleted_at
    "names",  # hash: name -> task not deleted
    "by_name",  # zset by text: name NUL task, of tasks not deleted
    "types",  # set: task types of what may be in a lane, or in a stream that somebody reads
    "executions",  # hash: execution -> its record (adapters/records/executions EXECUTION_FIELDS, then the type)
    "by_task",  # zset by text: task/execution
    "by_state",  # zset by text: state/execution
    "retries",  # zset: execution in retry_wait by available_at
    "put_back",  # zset: pending execution whose handler is unknown, by the instant it was first put back
    "succeeded",  # zsets: ended execution by finished_at
    "dead",
    "cancelled",
    "delivered",
    "runs",  # hash: task/kind/key -> execution, of those that were not called for by a schedule
    "backfills",  # zset by text: task/nominal instant/execution
    "redriven",  # set: dead execution in whose place another was asked for
    "attempts",  # hash: execution/start -> attempt
    "beats",  # hash: running execution -> heartbeats of its claim
    "progress",  # hash: execution -> how far it has come
    "volumes",  # hash: execution -> how many lines and bytes of its log are kept
    "skips",  # hash: task/first instant -> Skip
    "skips_by_task",  # zset by text: task/first instant
    "skips_by_end",  # zset: task/first instant by the last instant
    "forgotten",  # hash: task -> last instant of the executions and Skips that went because there were too many of them
    "changes",  # hash: number, 12 digits -> change (change_row)
    "changes_by_number",  # zset: number by number
    "changes_by_task",  # zset by text: task/number
    "keys",  # hash: idempotency key -> number of the change
    "versions",  # zset by text: task/version
    "made_by",  # hash: task/version -> number of the change that made it
    "superseded",  # zset: task/version by the instant from which another was in its place
    "journal",  # stream of what changed: n (how many changes up to here), t and e (ids, a line each)
    "hours",  # zset: hour by its beginning; the hash `hours:<hour>` counts type/state/step
    "members",  # hash: node -> when it announced itself last, and its record (MEMBER_FIELDS)
    "access",  # hash: revision (of all that follows), hold of all firing, offer of the set-up, ends of its records
    "users",  # hash: name -> account (ACCOUNT_FIELDS)
    "api_tokens",  # hash: digest -> token (TOKEN_FIELDS)
    "sessions_by_user",  # zset by text: user/digest; some have expired
    "access_records",  # zset by number: the record itself (ACCESS_RECORD_FIELDS)
)

# Made by scripts and readers: PREFIX + one of these + a name.
LANE: Final = "lane:"  # zset, type: claimable execution by available_at
SUSPECTS: Final = "suspects:"  # zset, type: claimable suspect by available_at
DELAYED: Final = "delayed:"  # zset, "lane:<type>" or "suspects:<type>": not before available_at
LOG: Final = "log:"  # list, execution: log lines
HOURS: Final = "hours:"  # hash, hour: type/state/step -> how many ended so
SESSION: Final = "session:"  # text, digest: session (SESSION_FIELDS); expires
LOGIN: Final = "login:"  # text, key of attempts: how many, and when the last one was; expires

KEYS: Final = tuple(PREFIX + name for name in FIXED)


def key(name: str) -> str:
    """The key of one of FIXED."""
    assert name in FIXED, name
    return PREFIX + name


def stream(task_type: str) -> str:
    """The stream that the executions of a type are dispatched to."""
    return STREAM.format(task_type)
