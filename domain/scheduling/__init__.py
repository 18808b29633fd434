"""Schedules, tasks, firings and executions: when something is owed, and what becomes of it."""
