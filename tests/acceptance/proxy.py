"""nginx in front of a copy: the project's own configuration, with a short patience."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.embedded import ports
from ops.embedded.server import tethered
from tests.acceptance.up import ROOT
from tests.waiting import until

CONFIGURATION = ROOT / "ops" / "nginx" / "reprise.conf"
SECONDS = 5
PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin")

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    log_format lines escape=json '{{"status":$status,"method":"$request_method",'
        '"uri":"$request_uri","upgrade":"$http_upgrade"}}';
    access_log {folder}/access.log lines;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {configuration};
}}
"""
SERVER = """
listen 127.0.0.1:{port};
proxy_read_timeout {seconds}s;
proxy_send_timeout {seconds}s;
send_timeout {seconds}s;
"""


class Proxy:
    """A running nginx: its address, and what it wrote into its access log."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.url = f"http://127.0.0.1:{port}"

    def log(self) -> list[dict[str, Any]]:
        """Return the access log: `{"status", "method", "uri", "upgrade"}` a request that ended."""
        return [json.loads(line) for line in (self._folder / "access.log").read_text().splitlines()]

    def errors(self) -> str:
        """Return the error log."""
        return (self._folder / "error.log").read_text()


def binary() -> str:
    """Return where nginx is; AssertionError, saying what to install, where it is not."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    found = shutil.which("nginx", path=path)
    assert found, "nginx is missing: apt-get install nginx"
    return found


@contextmanager
def in_front_of(upstream: str, folder: Path) -> Iterator[Proxy]:
    """Run nginx with `ops/nginx/reprise.conf` before the web server at this address."""
    port = ports.free()
    folder.chmod(0o711)  # its worker is another user where we are root
    (folder / "reprise").mkdir()
    address = upstream.removeprefix("http://")
    (folder / "reprise" / "upstream.conf").write_text(f"server {address};\n")
    (folder / "reprise" / "server.conf").write_text(SERVER.format(port=port, seconds=SECONDS))
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(folder=folder, configuration=CONFIGURATION))
    command = [binary(), "-e", str(folder / "error.log"), "-c", str(main)]
    process = subprocess.Popen(tethered(command, signal.SIGTERM, parent=os.getpid()))
    proxy = Proxy(folder, port)
    try:
        until(lambda: _answers(proxy.url) or process.poll() is not None, "nginx")
        assert process.poll() is None, proxy.errors()
        yield proxy
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False
