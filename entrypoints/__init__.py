"""The processes people start, and the wiring that chooses their adapters."""
