"""Use cases: each asks the clock, reads through ports, lets the domain decide and writes through ports."""
