"""The ASGI application: Django for HTTP, Channels' routing for WebSocket."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any

import django
from channels.routing import ProtocolTypeRouter
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup(set_prefix=False)  # first: it loads the apps whose models the rest imports

from django.conf import settings  # noqa: E402
from django.core.checks import run_checks  # noqa: E402

from core import problems  # noqa: E402
from core.errors import BadRequest  # noqa: E402
from core.proxies import believe_proxies  # noqa: E402
from core.request_ids import identify_requests, with_id  # noqa: E402
from jobs.checks import ENGINE  # noqa: E402
from streams.followers.registry import release_on_exit  # noqa: E402
from streams.routing import websockets  # noqa: E402
from streams.transports.detached import detach_responses  # noqa: E402

if faults := run_checks(tags=[ENGINE]):  # a web server runs no other check of Django's
    raise SystemExit("Reprise cannot start:\n" + "\n".join(str(one.msg) for one in faults))


class Handler(ASGIHandler):
    """Answers 400, as a problem, a request whose address or headers Django cannot read.

    No middleware sees such an answer. Django makes an empty page of some of them, and lets the
    error of others (`Content-Type: a/b; c*=nonsense''%41`) through to the server, which says 500.
    """

    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponse]:
        """Return the request, or the answer in place of it."""
        try:
            request, _refused = super().create_request(scope, body_file)
        except ValueError:
            request = None
        if request is not None:
            return request, None
        refusal = problems.response(BadRequest("The address or a header cannot be read."))
        with_id(refusal)
        return None, refusal


application = identify_requests(
    release_on_exit(
        believe_proxies(
            detach_responses(ProtocolTypeRouter({"http": Handler(), "websocket": websockets})),
            settings.REPRISE.trusted_proxies,
        )
    )
)
