"""Checks of the public address, by real requests: TLS, proxies, streams, WebSockets, origins."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from core import arrival, clock
from core.arrival import Arrival
from core.words import counted
from jobs.doctor.check import Check, Doubt, Flaw

ADDRESS = "address"
SECONDS = 10.0
CERTIFICATE_DAYS = 21
TRIES = 2
# From the block for documentation: nobody's address, so that it can only be a claim.
CLAIMED = "192.0.2.77"


def address_checks(url: str) -> list[Check]:
    """Return the checks of the address that people use; without one, a check that asks for it."""
    if not url:
        return [Check(ADDRESS, _ask_for_url)]
    site = _Site(url.rstrip("/"))
    checks: dict[str, Callable[[], str]] = {
        "tls": site.check_tls,
        "cookies": site.check_cookies,
        "proxies": site.check_arrival,
        "buffering": site.check_buffering,
        "websocket": site.check_websocket,
    }
    rest = [Check(name, look, ADDRESS) for name, look in checks.items()]
    return [Check(ADDRESS, site.check_address), *rest]


def _ask_for_url() -> str:
    raise Doubt("not checked: give --url https://…, or set REPRISE_PUBLIC_URL")


class _Site:
    """The service as its public address shows it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._parts = urlsplit(url)
        self._tls = ssl.create_default_context() if self._parts.scheme == "https" else None

    def check_address(self) -> str:
        """Look whether the service answers there."""
        if self._parts.scheme not in {"http", "https"} or not self._parts.hostname:
            raise Flaw(f"{self._url} is no address: write https://reprise.example.org")
        try:
            with self._answer("/healthz") as answer:
                status = answer.status_code
        except httpx.ConnectError as error:
            raise Flaw(f"{self._url}: {error}") from error
        if status == 400:
            name = self._parts.hostname
            raise Flaw(f"{self._url} answers 400: is {name} in REPRISE_ALLOWED_HOSTS?")
        if status != 200:
            raise Flaw(f"{self._url}/healthz answers {status}: does a web process run behind it?")
        return f"{self._url} answers"

    def check_tls(self) -> str:
        """Look how long the certificate, which has been verified, is valid."""
        with self._answer("/healthz") as answer:
            connection = answer.extensions["network_stream"].get_extra_info("ssl_object")
        if connection is None:
            raise Doubt("plain HTTP: passwords and tokens can be read on the way; use HTTPS")
        seconds = ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"])
        ends = datetime.fromtimestamp(seconds, UTC)
        days = (ends - clock.now()).days
        said = f"{connection.version()}, the certificate is valid until {ends:%Y-%m-%d}"
        if days < CERTIFICATE_DAYS:
            raise Doubt(f"{said}, {counted(days, 'day')}: renew it")
        return said

    def check_cookies(self) -> str:
        """Look whether cookies are for HTTPS where people use that, and only there."""
        secure, https = settings.REPRISE.secure_cookies, self._tls is not None
        if https and not secure:
            raise Flaw("also sent over plain HTTP: set REPRISE_SECURE_COOKIES=1")
        if secure and not https:
            raise Flaw("never sent over plain HTTP: use HTTPS, or unset REPRISE_SECURE_COOKIES")
        return "over HTTPS only" if secure else "over plain HTTP"

    def check_arrival(self) -> str:
        """Look whether requests arrive with the scheme, host and client that they were sent with.

        Pages' origins are compared with the first two, and the third is whose attempts count.
        """
        with self._arrived() as (found, _):
            pass
        proxy = f"{found.client}: name it in REPRISE_TRUSTED_PROXIES"
        named = [word.strip() for word in found.forwarded_for.split(",")]
        if found.host.lower() != self._parts.netloc.lower():
            raise Flaw(f"the host arrives as {found.host}: let the proxy pass Host on, with port")
        if found.client == CLAIMED:
            raise Flaw(
                "a client's own X-Forwarded-For is believed: let the proxy set that header, and "
                "run this where no trusted proxy is"
            )
        if named != [CLAIMED] and found.client not in named:
            raise Flaw(f"all people are taken for one, since nobody believes the proxy at {proxy}")
        if found.scheme != self._parts.scheme:
            if found.forwarded_proto == self._parts.scheme:
                raise Flaw(
                    f"forms and WebSockets are refused: nobody believes the proxy at {proxy}"
                )
            raise Flaw("the scheme is lost: let the proxy set X-Forwarded-Proto")
        return f"requests arrive as {found.scheme}://{found.host} from {found.client}"

    def check_buffering(self) -> str:
        """Look whether a stream's beginning arrives before its end is sent."""
        for _ in range(TRIES):
            with self._arrived() as (_found, read_rest):
                began = time.monotonic()
                read_rest()
            if time.monotonic() - began > arrival.HOLD_SECONDS / 2:
                return "a stream arrives as it is sent"
        raise Flaw(
            "a proxy holds streams back until they end: turn buffering, caching and compression "
            "off for …/stream, …/events and /events/ (docs/how-to/nginx.md)"
        )

    def check_websocket(self) -> str:
        """Look whether a page of this address can open a WebSocket, and something comes over it."""
        address = f"ws{self._url[4:]}/ws/feed/"
        try:
            with connect(
                address, origin=Origin(self._url), ssl=self._tls, open_timeout=SECONDS, proxy=None
            ) as socket:
                socket.recv(timeout=SECONDS)
        except ConnectionClosed:
            return "opens"  # nobody is signed in, which the service has said
        except InvalidStatus as refused:
            status = refused.response.status_code
            if status == 403:
                raise Flaw(
                    f"the service refuses pages of {self._url}: see proxies, or name it in "
                    "REPRISE_TRUSTED_ORIGINS"
                ) from refused
            raise Flaw(f"answered with {status}: {_UPGRADE}") from refused
        except (InvalidHandshake, TimeoutError) as error:
            raise Flaw(f"does not open ({error}): {_UPGRADE}") from error
        return "opens"

    @contextmanager
    def _answer(self, path: str, **headers: str) -> Iterator[httpx.Response]:
        own = {"Accept-Encoding": "identity", **headers}
        verify: ssl.SSLContext | bool = self._tls or True
        with (
            httpx.Client(verify=verify, trust_env=False, timeout=SECONDS) as client,
            client.stream("GET", f"{self._url}{path}", headers=own) as answer,
        ):
            yield answer

    @contextmanager
    def _arrived(self) -> Iterator[tuple[Arrival, Callable[[], object]]]:
        """Ask how a request arrives; yield that once it is said, and what reads the rest."""
        headers = {arrival.HEADER: arrival.make_proof(), "X-Forwarded-For": CLAIMED}
        with self._answer(arrival.PATH, **headers) as answer:
            if answer.status_code != 200:
                raise Flaw(
                    f"the service there answers {answer.status_code} to this one's key: it has "
                    "another REPRISE_SECRET_KEY, another version, or a clock a minute away"
                )
            lines = answer.iter_lines()
            said = next(line for line in lines if line.startswith("data: "))
            yield Arrival(**json.loads(said.removeprefix("data: "))), lambda: list(lines)


_UPGRADE = "let the proxy pass Upgrade and Connection on for /ws/ (docs/how-to/nginx.md)"
