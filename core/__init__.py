"""Settings and composition (asgi, urls), and the leaves that every other package may use."""
