"""WebSocket addresses, for `core.asgi`."""

from __future__ import annotations

from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack
from django.urls import path, re_path

from streams.origin import App, OriginCheck
from streams.websocket import JobConsumer, NowhereConsumer

_router = URLRouter(
    [
        path("ws/jobs/<str:job>/", JobConsumer.as_asgi()),
        re_path(r"", NowhereConsumer.as_asgi()),
    ]
)

# The session stays lazy here: who it is, `streams.access` asks, in one visit to a thread.
websockets: App = OriginCheck(SessionMiddlewareStack(_router))
