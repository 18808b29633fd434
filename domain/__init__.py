"""What the scheduler knows about time, tasks and executions: pure values and decisions, no I/O."""
