"""Valkey pub/sub to a bare WebSocket: `python -m … PORT CHANNEL` passes on what is published."""

from __future__ import annotations

import os
import sys

import redis.asyncio
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def main(port: int, channel: str) -> None:
    """Pass on, until killed."""
    followers: set[ServerConnection] = set()

    async def follow(connection: ServerConnection) -> None:
        followers.add(connection)
        try:
            await connection.wait_closed()
        finally:
            followers.discard(connection)

    client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
    pubsub = client.pubsub()
    await pubsub.subscribe(channel)
    async with serve(follow, "127.0.0.1", port, compression=None, ping_interval=None):
        async for message in pubsub.listen():
            if message["type"] == "message":
                broadcast(followers, message["data"].decode())


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
