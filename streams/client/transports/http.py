"""Requests: the client that they share, what an answer means, what a failure means."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

from streams.client.addresses import Addresses
from streams.client.close_reasons import Closed, Ended, Lost, Refusal, by_response
from streams.client.errors import Refused, Unreachable

AGENT = "reprise-follower/1"
_JSON = ("application/json",)
# A refusal is a few hundred bytes; a proxy's page of excuses need not be read to its end.
_LONGEST_REFUSAL = 65_536


@dataclass(frozen=True)
class Door:
    """How one job is reached: its addresses, who asks, and the client that its requests share."""

    addresses: Addresses
    token: str | None
    trust_env: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """What goes with every request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The machine's own certificates (`SSL_CERT_FILE` names others), for all transports."""
        return ssl.create_default_context()

    @cached_property
    def client(self) -> httpx.AsyncClient:
        """The client: proxies from the environment, and no timeouts: the core has them.

        Redirects are followed: httpx sends no token to another host.
        """
        return httpx.AsyncClient(
            headers={"User-Agent": AGENT, **self.headers},
            verify=self.tls,
            timeout=None,  # noqa: S113 - the core's deadlines end a request
            follow_redirects=True,
            trust_env=self.trust_env,
        )

    async def close(self) -> None:
        """Let go of what is still open."""
        client = self.__dict__.pop("client", None)
        if client is not None:
            await client.aclose()


class NoAnswer(Exception):
    """An answer that is not what was asked for: why, and its status."""

    def __init__(self, closed: Closed, status: int) -> None:
        super().__init__(status)
        self.closed, self.status = closed, status


@asynccontextmanager
async def get_stream(
    door: Door, url: str, types: tuple[str, ...], headers: Mapping[str, str]
) -> AsyncIterator[httpx.Response]:
    """Make one GET request for the first of `types`; NoAnswer for all but a 200 of one of them.

    What looks like success but is a page (a proxy's, a sign-in form's) must not be taken for an
    empty stream.
    """
    asked = {"Accept": types[0], "Cache-Control": "no-store", **headers}
    async with door.client.stream("GET", url, headers=asked) as response:
        status = response.status_code
        if status == 204:
            raise NoAnswer(Ended(), status)
        if status != 200:
            body = await _read_beginning(response)
            raise NoAnswer(by_response(status, response.headers, body, datetime.now(UTC)), status)
        type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if type not in types:
            said = f"The answer was {type or 'of no type'}, not {types[0]}."
            raise NoAnswer(Lost("wrong_type", said), status)
        yield response


async def read_json(door: Door, url: str) -> dict[str, Any]:
    """Return a JSON answer. Raises Refused and Unreachable."""
    with _as_follow_errors():
        async with get_stream(door, url, _JSON, {}) as response:
            found: dict[str, Any] = json.loads(await response.aread())
            return found


async def post_json(
    door: Door, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    """Make one POST request; return the object that it made. Raises Refused and Unreachable."""
    asked = {"Accept": _JSON[0], **headers}
    with _as_follow_errors():
        async with door.client.stream("POST", url, json=dict(body), headers=asked) as response:
            if (status := response.status_code) not in (200, 201):
                said, now = await _read_beginning(response), datetime.now(UTC)
                raise NoAnswer(by_response(status, response.headers, said, now), status)
            made: dict[str, Any] = json.loads(await response.aread())
            return made


@contextmanager
def _as_follow_errors() -> Iterator[None]:
    """Raise what went wrong with a request as Refused or Unreachable."""
    try:
        yield
    except NoAnswer as error:
        closed = error.closed
        if isinstance(closed, Refusal):
            raise Refused(closed.code, closed.message) from error
        said = closed.message if isinstance(closed, Lost) else f"The answer was {error.status}."
        raise Unreachable("http_error", said) from error
    except (OSError, httpx.TransportError) as error:
        raise Unreachable("unreachable", failure_reason(error)) from error
    except ValueError as error:
        raise Unreachable("wrong_type", "The answer was not JSON.") from error


def failure_reason(error: BaseException) -> str:
    """Return the plainest words for a failure: the system's, where they are at its root."""
    at: BaseException | None = error
    found = str(error) or type(error).__name__
    seen: set[int] = set()
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, OSError) and at.strerror:
            found = os.strerror(at.errno or 0) if isinstance(at, ConnectionError) else at.strerror
        if isinstance(at, BaseExceptionGroup):
            at = at.exceptions[0]
        else:
            at = at.__cause__ or at.__context__
    return found


async def _read_beginning(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LONGEST_REFUSAL:
            break
    return body
