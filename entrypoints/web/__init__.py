"""The admin: dashboard pages, JSON API, health and metrics."""
