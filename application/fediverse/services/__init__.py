"""What people ask of the fediverse side besides its scheduled tasks: a use case a file."""
