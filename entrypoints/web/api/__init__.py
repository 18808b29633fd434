"""The JSON API: each handler reads a request, asks one use case and shapes its answer."""
