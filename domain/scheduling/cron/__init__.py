"""Cron expressions: reading them, matching wall clock times, and the rules at a zone's offset changes."""
