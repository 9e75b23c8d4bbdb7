"""Checks of Valkey or Redis: version, clock, that it evicts nothing, and that hints pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import redis
from django.conf import settings
from redis.exceptions import ResponseError

from jobs.doctor.check import Check, Doubt, Flaw
from jobs.doctor.database import describe_skew

VALKEY = "valkey"
SECONDS = 5.0
OLDEST = {"valkey": 8, "redis": 7}
NO_EVICTION = "noeviction"


def valkey_checks() -> list[Check]:
    """Return the checks of Valkey."""
    return [
        Check(VALKEY, check_version),
        Check("clock of valkey", check_clock, VALKEY),
        Check("eviction", check_policy, VALKEY),
        Check("persistence", check_persistence, VALKEY),
        Check("hints", check_hints, VALKEY),
    ]


@contextmanager
def _client() -> Iterator[redis.Redis]:
    url = settings.REPRISE.redis_url
    with redis.Redis.from_url(
        url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, decode_responses=True
    ) as found:
        yield found


def _info(section: str) -> dict[str, Any]:
    """Return a section of INFO; Doubt where the user may not ask."""
    with _client() as client:
        try:
            found: dict[str, Any] = client.info(section)  # type: ignore[assignment]  # sync, no coroutine
        except ResponseError as error:
            raise Doubt(f"not checked: {error}; allow INFO to the user of REDIS_URL") from error
    return found


def check_version() -> str:
    """Look whether it answers, and in which version."""
    with _client() as client:
        client.ping()
    found = _info("server")
    name = str(found.get("server_name", "redis"))
    version = str(found.get(f"{name}_version", found["redis_version"]))
    oldest = OLDEST.get(name, OLDEST["redis"])
    if int(version.partition(".")[0]) < oldest:
        raise Flaw(f"{name} {version}: use {oldest} or later")
    return f"{name} {version}"


def check_clock() -> str:
    """Look how far its clock is from this host's."""
    with _client() as client:
        client.ping()
        before = time.time()
        seconds, micros = client.time()  # type: ignore[misc]  # sync, no coroutine
    return describe_skew(seconds + micros / 1e6 - before, time.time() - before)


def check_policy() -> str:
    """Look whether full memory is an error, and not the end of what is counted there."""
    policy = str(_info("memory")["maxmemory_policy"])
    if policy != NO_EVICTION:
        raise Flaw(
            f"maxmemory-policy is {policy}: set {NO_EVICTION}, else counts of requests are lost"
        )
    return NO_EVICTION


def check_persistence() -> str:
    """Look whether it writes to a disk, which it need not."""
    kept = ["appendonly"] if _info("persistence")["aof_enabled"] else []
    with _client() as client, suppress(ResponseError):  # not everybody may ask for settings
        kept += ["save"] if client.config_get("save")["save"] else []  # type: ignore[index]
    if kept:
        raise Doubt(f"{' and '.join(kept)} set: nothing here outlives a message, it needs no disk")
    return "keeps nothing on a disk, and need not"


def check_hints() -> str:
    """Send a message through a channel of the layer's, as hints go, and receive it."""
    channel, word = f"reprise__doctor__{uuid4().hex}", uuid4().hex
    with _client() as client, client.pubsub() as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(channel)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            message = listener.get_message(timeout=SECONDS)
            if message and message["type"] == "subscribe":
                client.publish(channel, word)
            if message and message["type"] == "message" and message["data"] == word:
                return "a message passes"
    raise Flaw("a message that was published does not arrive: look at the server's log")
