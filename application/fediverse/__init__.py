"""The maintenance and federation work that PeachPie schedules for itself."""
