"""WebSocket addresses, for `core.asgi`."""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import path, re_path

from streams.feed.websocket import FeedConsumer
from streams.origin import App, OriginCheck
from streams.websocket import JobConsumer, NowhereConsumer

# No session middleware: it has a look at the session at every frame that is sent. Who opened a
# socket, `streams.access` asks once.
_router = URLRouter(
    [
        path("ws/jobs/<str:job>/", JobConsumer.as_asgi()),
        path("ws/feed/", FeedConsumer.as_asgi()),
        re_path(r"", NowhereConsumer.as_asgi()),
    ]
)

websockets: App = OriginCheck(_router)
