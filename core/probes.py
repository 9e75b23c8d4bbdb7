"""A small HTTP server beside a process that has no pages: `/healthz`, `/readyz` and `/metrics`.

It answers from threads of its own, so that it says what hangs, and asks nobody to sign in: it
listens on this machine unless REPRISE_HEALTH_BIND says otherwise.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Protocol, TypeVar

from django.db import close_old_connections
from prometheus_client import ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from core.db import leave_pool
from core.readiness import (
    GOING_DOWN,
    PATIENCE_SECONDS,
    Found,
    Result,
    describe_failure,
    describe_success,
    summarize,
)

logger = logging.getLogger(__name__)

REQUEST_SECONDS = 5.0
JSON = "application/json"
process_metrics = ProcessCollector(registry=None)

T = TypeVar("T")
Check = Callable[[], Found]
Answer = tuple[int, str, bytes]


class Collector(Protocol):
    """What has metrics for Prometheus."""

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""


class Probes:
    """What a process tells of itself: by name, metrics, and whether it is going down.

    `queries` ask the database and may hang; `checks` look at the process alone.
    """

    def __init__(
        self,
        queries: Mapping[str, Check],
        checks: Mapping[str, Check],
        collectors: Iterable[Collector] = (),
        is_leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._queries, self._checks, self._is_leaving = queries, checks, is_leaving
        self._collectors = [*collectors, process_metrics]
        # One thread of its own: however often a frozen database is asked after, one thread hangs.
        self._thread = ThreadPoolExecutor(1, "probes")

    def answer(self, path: str) -> Answer:
        """Return status, content type and body for a path."""
        match path:
            case "/healthz":
                return 200, JSON, _encode({"status": "alive", "pid": os.getpid()})
            case "/readyz" if self._is_leaving():
                return 503, JSON, _encode({"status": GOING_DOWN})
            case "/readyz":
                looks: dict[str, Check] = {
                    name: partial(self._ask, look) for name, look in self._queries.items()
                }
                looks |= self._checks
                body, status = summarize({name: _run(look) for name, look in looks.items()})
                return status, JSON, _encode(body)
            case "/metrics":
                return self._read_metrics()
        return 404, JSON, _encode({"status": "unknown address"})

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        for collector in self._collectors:
            yield from collector.collect()

    def _read_metrics(self) -> Answer:
        try:
            text = self._ask(partial(generate_latest, self))
        except Exception as error:  # noqa: BLE001 - as above
            return 503, JSON, _encode(describe_failure(error, time.monotonic()))
        return 200, CONTENT_TYPE_PLAIN_0_0_4, text

    def _ask(self, look: Callable[[], T]) -> T:
        """Return what a look at the database finds; TimeoutError if that takes too long."""
        asked = self._thread.submit(_with_connection, look)
        try:
            return asked.result(PATIENCE_SECONDS)
        finally:
            asked.cancel()  # if another one hangs before it


def _run(look: Check) -> Result:
    began = time.monotonic()
    try:
        found = look()
    except Exception as error:  # noqa: BLE001 - what nobody expects is raised again
        return describe_failure(error, began)
    return describe_success(found, began)


def _with_connection(look: Callable[[], T]) -> T:
    leave_pool()
    try:
        return look()
    finally:
        close_old_connections()  # one that has failed is made anew


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong, a client that has left among it."""
        logger.warning("a probe was not answered", exc_info=True, extra={"action": "probe"})


def serve_probes(probes: Probes, address: tuple[str, int]) -> ThreadingHTTPServer:
    """Answer at an address from now on, until the process ends; OSError if it cannot be had."""

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            status, kind, body = probes.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def version_string(self) -> str:
            return "reprise"

        def log_message(self, *_: Any) -> None:
            """Log nothing: probes come every few seconds."""

    server = _Server(address, Handler)
    Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()
