"""The ASGI application: Django for HTTP, Channels' routing for WebSocket."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup(set_prefix=False)  # first: it loads the apps whose models the rest imports

from django.core.checks import run_checks  # noqa: E402

from core.handler import Handler  # noqa: E402
from jobs.checks import ENGINE  # noqa: E402
from streams.followers.registry import release_on_exit  # noqa: E402
from streams.routing import websockets  # noqa: E402
from streams.transports.detached import detach_responses  # noqa: E402

if problems := run_checks(tags=[ENGINE]):  # a web server runs no other check of Django's
    raise SystemExit("Reprise cannot start:\n" + "\n".join(str(one.msg) for one in problems))

application = release_on_exit(
    detach_responses(ProtocolTypeRouter({"http": Handler(), "websocket": websockets}))
)
