"""Where one job's streams are, from any address of the job."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from streams.client.connection import HEARTBEAT_S

# As `core.ids.parse_id` has it.
_ID = "(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_IN_PATH = re.compile(rf"(.*?)/(?:api/|ws/)?jobs/({_ID})(?:/.*)?", re.IGNORECASE | re.DOTALL)
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class Addresses:
    """The addresses of one job's streams.

    `job` is an address of it (`https://host/prefix/jobs/<id>`, its API's, its WebSocket's), or its
    id, and then `server` says where the service is. ValueError if they name no job or server.
    """

    def __init__(self, job: str, server: str = "") -> None:
        if re.fullmatch(_ID, job, re.IGNORECASE):
            if not server:
                raise ValueError(f"Name the job's server: {job}")
            self.job, address, prefix = UUID(job), server, urlsplit(server).path.rstrip("/")
        else:
            found = _IN_PATH.fullmatch(urlsplit(job).path)
            if found is None:
                raise ValueError(f"Not a job's id or address: {job}")
            self.job, address, prefix = UUID(found[2]), job, found[1]
        parts = urlsplit(address)
        scheme = _SCHEMES.get(parts.scheme)
        if scheme is None or not parts.hostname:
            raise ValueError(f"Not a server's address (http://… or https://…): {address}")
        if parts.username or parts.password:
            raise ValueError("An address must not contain a password. Use a token.")
        self._root = f"{scheme}://{parts.netloc}{prefix}"

    @property
    def root(self) -> str:
        """Where the service is, without a slash at the end."""
        return self._root

    @property
    def page(self) -> str:
        """Where the job's page is."""
        return f"{self._root}/jobs/{self.job}"

    @property
    def secure(self) -> bool:
        """Whether the server is reached by TLS."""
        return self._root.startswith("https:")

    def websocket(self, cursor: str) -> str:
        """Return where the WebSocket is, for what comes after a cursor."""
        query = urlencode({"after": cursor, "heartbeat_s": f"{HEARTBEAT_S:g}"})
        return f"ws{self._root[4:]}/ws/jobs/{self.job}/?{query}"

    def stream(self, cursor: str, rotate_s: float | None = None) -> str:
        """Return where the server-sent events are; `rotate_s` is how long an answer may last."""
        query = {"after": cursor, "heartbeat_s": f"{HEARTBEAT_S:g}"}
        if rotate_s is not None:
            query["rotate_s"] = f"{rotate_s:g}"
        return f"{self._root}/api/jobs/{self.job}/stream?{urlencode(query)}"

    def events(self, cursor: str, limit: int, wait: int) -> str:
        """Return where one page of events is; the answer may be held for `wait` seconds."""
        query = urlencode({"after": cursor, "limit": limit, "wait": wait})
        return f"{self._root}/api/jobs/{self.job}/events?{query}"

    def pages(self, cursor: str) -> str:
        """Return where the log after a cursor is, in one piece that is made of pages."""
        return f"{self._root}/api/jobs/{self.job}/pages?{urlencode({'after': cursor})}"

    @property
    def seal(self) -> str:
        """Where the job's head and what has sealed it are."""
        return f"{self._root}/api/jobs/{self.job}/seal"

    def fork(self, at: int | str | None = None) -> str:
        """Return where a fork of the job is made, or what one at a seq, or "failed", would keep."""
        query = "" if at is None else f"?{urlencode({'at': at})}"
        return f"{self._root}/api/jobs/{self.job}/fork{query}"

    def compare(self, other: Addresses, steps_after: int = 0) -> str:
        """Return where this job and another are compared; ValueError if that is elsewhere."""
        if other._root != self._root:
            raise ValueError(f"The jobs are not on one server: {self.page}, {other.page}")
        query = urlencode({"steps_after": steps_after})
        return f"{self._root}/api/jobs/{self.job}/compare/{other.job}?{query}"
