"""The real thing from outside: processes that the project's own scripts start, bare clients."""
