"""The form of a task: its fields from a definition, the API's body from its fields, and faults back to their fields."""
