"""Which origins may open a socket to which host."""

from __future__ import annotations

import pytest

from streams.routing import same_or_trusted


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "reprise.example"),
        ("http://reprise.example", "reprise.example"),
        ("http://reprise.example:80", "reprise.example"),
        ("http://reprise.example", "reprise.example:80"),
        ("http://REPRISE.example", "reprise.example:80"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_same_host_and_port_is_at_home(origin: str | None, host: str) -> None:
    assert same_or_trusted(origin, host, [])


def test_the_scheme_is_that_of_the_connection() -> None:
    for host in ("reprise.example", "reprise.example:443"):
        assert same_or_trusted("https://REPRISE.example", host, [], secure=True)
        assert not same_or_trusted("https://reprise.example", host, [])
        assert not same_or_trusted("http://reprise.example", host, [], secure=True)
    assert same_or_trusted("http://reprise.example", "", ["http://reprise.example"], secure=True)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "reprise.example"),
        ("", "reprise.example"),
        ("nonsense", "reprise.example"),
        ("http://", ""),
        ("http://[", "["),
        ("file://", ""),
        ("file://reprise.example", "reprise.example"),
        ("http://reprise.example:99999", "reprise.example:99999"),
        ("http://reprise.example.evil.example", "reprise.example"),
        ("http://evil.example", "reprise.example"),
        ("http://reprise.example@evil.example", "reprise.example"),
        ("http://reprise.example:81", "reprise.example"),
        ("http://reprise.example", "reprise.example:81"),
        ("http://reprise.example/path", "reprise.example"),
    ],
)
def test_anywhere_else_is_not(origin: str, host: str) -> None:
    assert not same_or_trusted(origin, host, [])


@pytest.mark.parametrize(
    ("origin", "trusted"),
    [
        ("https://panel.example", "https://panel.example"),
        ("https://panel.example:8443", "https://panel.example:8443"),
        ("https://a.panel.example", "https://*.panel.example"),
        ("https://a.b.panel.example", "https://*.panel.example"),
    ],
)
def test_a_trusted_origin_may_come_from_elsewhere(origin: str, trusted: str) -> None:
    assert same_or_trusted(origin, "reprise.example", ["https://other.example", trusted])


@pytest.mark.parametrize(
    ("origin", "trusted"),
    [
        ("http://panel.example", "https://panel.example"),
        ("https://panel.example:444", "https://panel.example"),
        ("https://a.panel.example", "https://panel.example"),
        ("https://evilpanel.example", "https://*.panel.example"),
    ],
)
def test_trust_is_in_scheme_host_and_port(origin: str, trusted: str) -> None:
    assert not same_or_trusted(origin, "reprise.example", [trusted])
