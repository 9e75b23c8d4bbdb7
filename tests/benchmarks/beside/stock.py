"""Stock Channels and stock django-eventstream, as their tutorials have them, for stock daphne.

`/ws/`: an AsyncWebsocketConsumer in a group, to which what is sent to the group is passed on.
`/events/?channel=bench`: django-eventstream with its Redis listener, no storage.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

from tests.benchmarks.beside.names import BENCH, layer

REDIS = urlsplit(os.environ["REDIS_URL"])

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["channels", "django_eventstream"],
    ROOT_URLCONF=__name__,
    CHANNEL_LAYERS={"default": layer()},
    EVENTSTREAM_REDIS={"host": REDIS.hostname, "port": REDIS.port, "password": REDIS.password},
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Passes on what its group gets."""

    async def connect(self) -> None:
        """Join the group, then accept."""
        await self.channel_layer.group_add(BENCH, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self.channel_layer.group_discard(BENCH, self.channel_name)

    async def event_sent(self, message: dict[str, Any]) -> None:
        """Send one event on."""
        await self.send(text_data=message["text"])


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers."""
    return HttpResponse("ok")


urlpatterns = [path("healthz", healthz), path("events/", include("django_eventstream.urls"))]
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("ws/", Consumer.as_asgi())])}
)
