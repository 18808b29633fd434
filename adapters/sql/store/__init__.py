"""The scheduler's store in SQL: one set of tables and statements, a small module for each dialect."""

from adapters.sql.store.opening import SqlStore, check_sqlite_store, open_sqlite_store
from adapters.sql.store.postgres_opening import PostgresStores, open_postgres_store

__all__ = ["PostgresStores", "SqlStore", "check_sqlite_store", "open_postgres_store", "open_sqlite_store"]
