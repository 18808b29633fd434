"""One use case of scheduling a file, each making a single pass."""
