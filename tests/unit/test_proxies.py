"""What proxies say of a client is believed of those that are named, and of nobody else."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from core.proxies import believe_proxies, find_client

TRUSTED = [ip_network(text) for text in ("127.0.0.1", "::1", "10.1.0.0/16")]


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        ("192.0.2.7", ["203.0.113.1"], "192.0.2.7"),  # comes by itself, and pretends
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("::ffff:127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("127.0.0.1", ["198.51.100.9", "203.0.113.1"], "203.0.113.1"),  # the first is made up
        ("127.0.0.1", ["203.0.113.1", "10.1.2.3"], "203.0.113.1"),  # by way of two of ours
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["203.0.113.1:4711", "[::1]:80"], "203.0.113.1"),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["203.0.113.1", "unknown"], "127.0.0.1"),
        ("", ["203.0.113.1"], "203.0.113.1"),  # a unix socket
        ("nonsense", ["203.0.113.1"], "nonsense"),
    ],
)
def test_the_client_is_the_last_that_is_no_trusted_proxy(
    peer: str, hops: list[str], client: str
) -> None:
    assert find_client(peer, hops, TRUSTED) == client


async def seen(trusted: list[Any], **scope: Any) -> Any:
    """Return client and scheme as an application has them."""
    found: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.update(scope)

    headers = [(b"x-forwarded-for", b"198.51.100.9"), (b"X-Forwarded-For", b"203.0.113.1")]
    headers.append((b"x-forwarded-proto", b"http, https"))
    asked: dict[str, Any] = {"type": "http", "scheme": "http", "headers": headers, **scope}
    await believe_proxies(app, trusted)(asked, None, None)
    return found["client"], found["scheme"]


async def test_the_application_sees_what_a_trusted_proxy_says() -> None:
    peer = ("127.0.0.1", 5000)
    assert await seen(TRUSTED, client=peer) == (("203.0.113.1", 0), "https")
    assert await seen(TRUSTED, client=peer, type="websocket") == (("203.0.113.1", 0), "wss")
    assert await seen(TRUSTED, client=None) == (("203.0.113.1", 0), "https")
    assert await seen(TRUSTED, client=peer, headers=[]) == (peer, "http")
    other = ("192.0.2.7", 5000)
    assert await seen(TRUSTED, client=other) == (other, "http")
    assert await seen([], client=peer) == (peer, "http")


async def test_what_is_no_request_passes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope == {"type": "lifespan"}

    await believe_proxies(app, TRUSTED)({"type": "lifespan"}, None, None)
