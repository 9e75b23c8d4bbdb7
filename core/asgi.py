"""The ASGI application: Django for HTTP, Channels' routing for WebSocket."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django = get_asgi_application()  # first: it loads the apps whose models the rest imports

from streams.followers import freeing  # noqa: E402
from streams.lasting import lasting  # noqa: E402
from streams.routing import websockets  # noqa: E402

application = freeing(lasting(ProtocolTypeRouter({"http": django, "websocket": websockets})))
