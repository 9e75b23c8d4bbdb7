"""The web servers: daphne (`python -m streams.server`) and uvicorn (`streams.server_uvicorn`)."""
