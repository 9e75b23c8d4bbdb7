"""WebSocket addresses, for `core.asgi`."""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import path, re_path

from streams.followers.registry import App
from streams.transports.origin import OriginCheck
from streams.transports.websocket import FeedConsumer, JobConsumer, NowhereConsumer

# No session middleware: it has a look at the session at every frame that is sent. Who opened a
# socket, `streams.followers.access` asks once.
_router = URLRouter(
    [
        # With the slash at the end or without: no redirect leads a WebSocket on.
        *(path(f"ws/jobs/<str:job>{end}", JobConsumer.as_asgi()) for end in ("/", "")),
        *(path(f"ws/feed{end}", FeedConsumer.as_asgi()) for end in ("/", "")),
        re_path(r"", NowhereConsumer.as_asgi()),
    ]
)

websockets: App = OriginCheck(_router)
