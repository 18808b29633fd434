"""The content database on which the maintenance and federation tasks work."""
