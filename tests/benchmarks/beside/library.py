"""A history to a consumer that uses a client library: `python -m … library <which> ADDRESS EVENTS`.

`reprise` reads by this project's follower as it comes (its token in REPRISE_TOKEN), `nats` the
stream of the benchmark by nats-py's ordered consumer. Both hand over every event; nats-py's as
bytes, by a callback, which it does twice as fast as its iterator; ours parsed. Says how long it
took from the request to the last event, and the process's own CPU, in seconds, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from streams.client import Follower, Given
from tests.benchmarks.beside.names import SUBJECT


async def reprise(address: str, events: int) -> None:
    """Take events as our follower gives them out."""
    got = 0
    token = os.environ["REPRISE_TOKEN"]
    async with Follower(address, token=token) as follower:
        async for happening in follower.stream():
            if isinstance(happening, Given):
                got += len(happening.events)
                if got >= events:
                    return


async def nats(address: str, events: int) -> None:
    """Take messages as nats-py gives them out."""
    got = 0
    done = asyncio.Event()

    async def take(_message: Msg) -> None:
        nonlocal got
        got += 1
        if got == events:
            done.set()

    client = Client()
    await client.connect(address)
    await client.jetstream().subscribe(SUBJECT, ordered_consumer=True, cb=take)
    await done.wait()
    await client.close()


if __name__ == "__main__":
    which, address, events = sys.argv[1:]
    read = {"reprise": reprise, "nats": nats}[which]
    began, cpu = time.monotonic(), time.process_time()
    uvloop.run(read(address, int(events)))
    took = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(took))
