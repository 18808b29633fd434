"""What people read: words for states, policies, batches, differences, and the same as a command."""
