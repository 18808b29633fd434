"""Bodies as clients send them, for the description of the API: the guide's, and one for each thing it can say."""

TASKS = {
    "at 2:30 on weekdays, by a cron expression": {
        "name": "nightly-report",
        "task_type": "maintenance",
        "schedule_type": "cron",
        "schedule": "30 2 * * 1-5",
        "timezone": "Europe/Berlin",
        "payload": {"days_to_keep": 30},
    },
    "every 15 minutes": {
        "name": "poll-feeds",
        "task_type": "maintenance",
        "schedule_type": "interval",
        "schedule": "15m",
        "payload": "{}",
        "max_retries": 5,
        "policy": {"overlap": "queue_one", "timeout": "PT10M", "jitter": "30s"},
    },
    "once, on the clocks of New York": {
        "name": "open-the-doors",
        "task_type": "maintenance",
        "schedule_type": "one_time",
        "schedule": "2030-12-24T18:00:00",
        "timezone": "America/New_York",
        "payload": {},
    },
}
PATCHES = {
    "another time": {"schedule": "0 3 * * *", "reason": "the backup takes longer"},
    "only the retries": {"max_retries": 0},
}
PAUSES = {"for a while, with a reason": {"reason": "DB upgrade", "until": "2030-01-07T08:00:00Z", "mode": "drain"}}
RESUMES = {"with the last occurrence it missed": {"missed": "latest"}}
RUNS = {"with another payload, this once": {"payload": {"days_to_keep": 1}, "overlap": "allow"}}
BACKFILLS = {
    "an hour of the past, to see what it would run": {
        "from": "2024-01-14T00:00:00Z",
        "until": "2024-01-14T00:59:59Z",
        "dry_run": True,
    }
}
BATCHES = {
    "pause all that match, to see which": {
        "action": "pause",
        "filter": {"tag": "db", "status": "active"},
        "reason": "DB upgrade",
        "dry_run": True,
    },
    "a tag for some tasks": {"action": "add_tag", "value": "nightly", "ids": ["00000000-0000-4000-8000-000000000000"]},
    "no longer one of them": {"action": "delete", "ids": ["00000000-0000-4000-8000-000000000000"], "confirm": 1},
}
FILES = {
    "a file with one task": {
        "apiVersion": "scheduler/v1",
        "manager": "billing-repo",
        "defaults": {"timezone": "Europe/Berlin", "max_retries": 3},
        "tasks": {
            "nightly-billing": {
                "schedule": {"cron": "30 2 * * 1-5"},
                "task_type": "billing",
                "payload": {"mode": "full"},
                "policy": {"overlap": "skip", "misfire": "latest"},
            }
        },
    }
}
REASONS = {"with a reason": {"reason": "wrong day"}}
PREVIEWS = {"a schedule alone": {"schedule_type": "cron", "schedule": "0 2 * * *", "timezone": "Europe/Berlin"}}
USERS = {"somebody who may edit": {"name": "ana", "password": "correct horse battery", "role": "editor"}}
USER_CHANGES = {"let nobody in by this name": {"disabled": True}}
PASSWORDS = {"a new one": {"password": "battery staple horse"}}
TOKENS = {"for a script, for a quarter of a year": {"name": "deploy", "role": "operator", "expires_in_days": 90}}
