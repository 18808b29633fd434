"""The second opinion on cron expressions, by croniter."""
