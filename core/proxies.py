"""Who the client is: the connection's other end, or what a proxy that was named says of it.

Neither server reads a proxy's headers: this is the one place that does, for HTTP and WebSocket.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Networks = Collection[IPv4Network | IPv6Network]
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

_SECURE = {"http": "https", "websocket": "wss"}


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address; "" if it has none (a unix socket)."""
    return str(request.META.get("REMOTE_ADDR", ""))


def believe_proxies(app: App, trusted: Networks) -> App:
    """Have an ASGI application see the client's address and scheme that trusted proxies name.

    With none trusted, `X-Forwarded-For` and `X-Forwarded-Proto` mean nothing.
    """

    def call(scope: Scope, receive: Any, send: Any) -> Awaitable[None]:
        if trusted and "headers" in scope:
            scope = _forwarded_scope(scope, trusted)
        return app(scope, receive, send)

    return call


def find_client(peer: str, hops: Iterable[str], trusted: Networks) -> str:
    """Return the last address of a request's way that is not a trusted proxy.

    `peer` is the connection's other end, `hops` what `X-Forwarded-For` has, the nearest last. What
    is before an address that is not trusted, or before something else than one, may be made up.
    """
    client = peer
    for hop in reversed(list(hops)):
        if not _is_trusted(client, trusted) or (address := _parse_address(hop)) is None:
            break
        client = str(address)
    return client


def _forwarded_scope(scope: Scope, trusted: Networks) -> Scope:
    peer, port = scope.get("client") or ("", 0)
    if not _is_trusted(peer or "", trusted):
        return scope
    client = find_client(peer or "", _header_words(scope, b"x-forwarded-for"), trusted)
    changed: Scope = {"client": (client, port if client == peer else 0)}
    if _header_words(scope, b"x-forwarded-proto")[-1:] == ["https"]:
        changed["scheme"] = _SECURE[scope["type"]]
    return {**scope, **changed}


def _is_trusted(address: str, trusted: Networks) -> bool:
    if not address:  # a unix socket, which its folder's mode protects
        return True
    parsed = _parse_address(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _header_words(scope: Scope, name: bytes) -> list[str]:
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
    return [word.strip() for line in lines for word in line.split(",") if word.strip()]


def _parse_address(text: str) -> Address | None:
    """Return an address that may have a port (`192.0.2.1:80`, `[2001:db8::1]:80`)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
