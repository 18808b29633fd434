"""The stores and the content database in SQL: one engine, one translation of errors."""
