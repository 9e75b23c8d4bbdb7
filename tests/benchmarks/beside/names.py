"""What the stock servers and those who publish to them have to agree on."""

from __future__ import annotations

import os
from typing import Any

BENCH = "bench"  # the group, the channel


def layer() -> dict[str, Any]:
    """Return stock Channels' channel layer: the one that does not drop half of a burst."""
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": "stock"},
    }


SUBJECT = "bench.job"  # of NATS
