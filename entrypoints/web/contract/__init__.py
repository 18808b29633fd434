"""What the API promises: each operation and its documents, as OpenAPI."""
