"""`python -m streams.server_uvicorn core.asgi:application` runs uvicorn, the second server."""

from __future__ import annotations

from streams.server.uvicorn import main

if __name__ == "__main__":
    main()
