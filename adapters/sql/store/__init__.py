"""The scheduler's store in SQL: one set of tables and statements, a small module for each dialect."""

from adapters.sql.store.opening import SqlStore, check_sqlite_store, open_sqlite_store

__all__ = ["SqlStore", "check_sqlite_store", "open_sqlite_store"]
