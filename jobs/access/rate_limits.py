"""How many API requests a user makes, and an address that nobody has signed in from.

A token bucket for each, kept in Valkey as the moment at which it is full again (GCRA), so that all
web processes share it in one round trip. A bucket holds a minute's worth. Without Valkey nobody is
refused: that says a warning, and Valkey is left alone for a few seconds.
"""

from __future__ import annotations

import logging
import math
import time
from functools import cache

import redis
from django.conf import settings

from core.errors import OverLimit

logger = logging.getLogger(__name__)

PREFIX = "reprise:rate"
PATIENCE_SECONDS = 0.2
REST_SECONDS = 5.0
MICROSECONDS = 1_000_000
# Valkey's own clock: those of web processes differ.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
if full - now > burst then
  return math.ceil(full - now - burst)
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
return 0
"""


class Buckets:
    """The buckets, as one Valkey keeps them."""

    def __init__(self, url: str) -> None:
        client = redis.Redis.from_url(
            url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        )
        self._take = client.register_script(_TAKE)
        self._rests_until = 0.0

    def wait_for(self, key: str, per_minute: int) -> float:
        """Take a token; return 0, or after how many seconds there is one."""
        if time.monotonic() < self._rests_until:
            return 0
        arguments = [60 * MICROSECONDS / per_minute, 60 * MICROSECONDS]
        try:
            waits = self._take(keys=[f"{PREFIX}:{key}"], args=arguments)
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            logger.warning(
                "API requests are not limited: %s", type(error).__name__,
                extra={"action": "rate_limits"},
            )  # fmt: skip
            return 0
        return float(waits) / MICROSECONDS


def require_user_rate(user: int) -> None:
    """Count a request of a user (by session or token); OverLimit if it is one too many."""
    _require_rate(f"user:{user}", settings.REPRISE.requests_per_minute)


def require_address_rate(address: str) -> None:
    """Count a request that nobody is signed in for; OverLimit if it is one too many."""
    _require_rate(f"address:{address}", settings.REPRISE.anonymous_requests_per_minute)


def _require_rate(key: str, per_minute: int) -> None:
    if not per_minute:
        return
    if seconds := buckets_in(settings.REPRISE.redis_url).wait_for(key, per_minute):
        wait = math.ceil(seconds)
        raise OverLimit(f"Too many requests. Try again in {wait} s.", retry_after_s=wait)


@cache
def buckets_in(url: str) -> Buckets:
    """Return the buckets of a Valkey: one client for the process."""
    return Buckets(url)
