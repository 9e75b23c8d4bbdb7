"""nginx in front of a copy: the project's own configuration, with a short patience."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.child import tethered
from ops.embedded import ports
from tests.chaos.links import nginx
from tests.support.waiting import until

SECONDS = 5


class Proxy:
    """A running nginx: its address, and what it wrote into its access log."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def log(self) -> list[dict[str, Any]]:
        """Return the access log: `{"status", "method", "uri", "upgrade"}` a request that ended."""
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def errors(self) -> str:
        """Return the error log."""
        return (self.folder / "error.log").read_text()


@contextmanager
def in_front_of(
    upstream: str,
    folder: Path,
    *,
    keeps_pages: bool = False,
    certificate: tuple[Path, Path] | None = None,
) -> Iterator[Proxy]:
    """Run nginx with `ops/nginx/reprise.conf` before the web server at this address.

    Over HTTPS, as localhost, with a certificate and its key.
    """
    port = ports.free()
    address = upstream.removeprefix("http://")
    url, listen = f"http://127.0.0.1:{port}", f"127.0.0.1:{port}"
    if certificate:
        url, (file, key) = f"https://localhost:{port}", certificate
        listen += f" ssl; ssl_certificate {file}; ssl_certificate_key {key}"
    command = nginx.prepare(folder, listen, address, SECONDS)
    if keeps_pages:
        nginx.keep_pages(folder)
    process = subprocess.Popen(tethered(command, signal.SIGTERM, parent=os.getpid()))
    proxy = Proxy(folder, url)
    try:
        until(lambda: _answers(proxy.url) or process.poll() is not None, "nginx")
        assert process.poll() is None, proxy.errors()
        yield proxy
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/healthz", trust_env=False, verify=False, timeout=5)
        return answer.is_success
    except httpx.TransportError:
        return False
