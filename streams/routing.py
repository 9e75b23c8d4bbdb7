"""WebSocket addresses, for `core.asgi`, and which pages may open one.

A browser sends our cookie along with any page's request: one from elsewhere is refused at the
handshake (403). No `Origin` means no browser, which is allowed: such a client sends a cookie or a
token only by its own will. So does a page that puts a ticket into the address: beside a ticket no
cookie counts (`streams.followers.access.ticket_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from channels.routing import URLRouter
from django.conf import settings
from django.http.request import validate_host
from django.urls import path, re_path
from django.utils.http import is_same_domain

from streams.followers.access import ticket_of
from streams.followers.registry import App, Receive, Scope, Send
from streams.transports.websocket import FeedConsumer, JobConsumer, NowhereConsumer

_PORTS = {"http": 80, "https": 443}


def same_or_trusted(
    origin: str | None, host: str, trusted: Iterable[str], *, secure: bool = False
) -> bool:
    """Return whether a page of `origin` may connect to `host` (a Host header).

    It may from the same scheme, host and port (`secure`: the connection came over TLS), and where
    one of `trusted` names it (`https://host[:port]`, or `https://*.domain` for its subdomains too).
    """
    if origin is None:
        return True
    place = _origin_place(origin)
    if place is None:
        return False
    scheme, name, port = place
    if _origin_place(f"{'https' if secure else 'http'}://{host}") == place:
        return True
    for pattern in trusted:
        allowed = _origin_place(pattern.replace("*.", ".", 1))
        if allowed is None or (scheme, port) != (allowed[0], allowed[2]):
            continue
        if is_same_domain(name, allowed[1]):
            return True
    return False


def _origin_place(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        scheme, name, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not name or parts.path not in {"", "/"} or parts.username:
        return None
    return scheme, name, port or _PORTS[scheme]


class OriginCheck:
    """ASGI middleware that refuses WebSockets from elsewhere, and for hosts that are not ours."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the connection on, or refuse it before the handshake."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        trusted = settings.REPRISE.trusted_origins
        own = ticket_of(scope) is not None or same_or_trusted(
            headers.get(b"origin"), host, trusted, secure=scope.get("scheme") == "wss"
        )
        if _host_allowed(host) and own:
            await self._app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 4503})


def _host_allowed(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return validate_host(f"[{name}]" if ":" in name else name, settings.ALLOWED_HOSTS)


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
