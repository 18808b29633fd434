"""The scheduler's store in SQL: one set of tables and statements, a small module for each dialect."""

from adapters.sql.store.opening import SqlStore, open_sqlite_store

__all__ = ["SqlStore", "open_sqlite_store"]
