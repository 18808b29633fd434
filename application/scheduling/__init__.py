"""The use cases of scheduling, from managing tasks to settling their executions."""
