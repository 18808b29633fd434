"""Tasks, executions and history in SQLite or PostgreSQL."""
