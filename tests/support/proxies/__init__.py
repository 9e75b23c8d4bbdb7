"""Real proxies from Debian's packages, configured to buffer, cut or block what passes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ops import child
from ops.embedded import ports
from ops.suites.debian import SBIN
from tests.support.waiting import until

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Kind:
    """A proxy: its configuration, the command that runs it, what it does not let through."""

    configuration: str
    command: tuple[str, ...]
    blocks: frozenset[str] = frozenset()
    forward: bool = False


NGINX = ("nginx", "-e", "@folder@/log", "-c", "@configuration@")
HAPROXY = ("haproxy", "-db", "-q", "-f", "@configuration@")
VARNISH = (
    "varnishd", "-F", "-j", "none", "-a", "127.0.0.1:@port@", "-f", "@configuration@",
    "-n", "@folder@/work", "-s", "malloc,16m", "-T", "none", "-p", "thread_pool_min=5",
)  # fmt: skip
NO_WEBSOCKET = frozenset({"WebSocket"})
HELD = ("4k", "8k", "64k")

KINDS = {
    "nginx, bare": Kind("nginx-bare.conf", NGINX, NO_WEBSOCKET),
    "nginx that ignores X-Accel-Buffering": Kind("nginx-ignoring.conf", NGINX, NO_WEBSOCKET),
    **{
        f"nginx that holds the last {size}": Kind(f"nginx-holding-{size}.conf", NGINX, NO_WEBSOCKET)
        for size in HELD
    },
    "nginx with 1 s of patience": Kind("nginx-impatient.conf", NGINX),
    "nginx without Upgrade": Kind("nginx-no-upgrade.conf", NGINX, NO_WEBSOCKET),
    "haproxy that waits for the body": Kind("haproxy-waiting.conf", HAPROXY),
    "haproxy that compresses": Kind("haproxy-compressing.conf", HAPROXY),
    "squid": Kind(
        "squid.conf", ("squid", "-N", "-f", "@configuration@"), NO_WEBSOCKET, forward=True
    ),
    "tinyproxy": Kind(
        "tinyproxy.conf", ("tinyproxy", "-d", "-c", "@configuration@"), NO_WEBSOCKET, forward=True
    ),
    "lighttpd": Kind("lighttpd.conf", ("lighttpd", "-D", "-f", "@configuration@"), NO_WEBSOCKET),
    "varnish": Kind("varnish.vcl", VARNISH, NO_WEBSOCKET),
}


@contextmanager
def running(names: Iterable[str], upstream: int) -> Iterator[dict[str, str]]:
    """Run proxies before the server on a port of this machine; the value has their addresses."""
    with ExitStack() as stack:
        started = {name: stack.enter_context(_started(KINDS[name], upstream)) for name in names}
        yield {name: proxy.ready() for name, proxy in started.items()}


@dataclass
class _Proxy:
    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    def ready(self) -> str:
        """Wait until it takes connections; return its address."""
        until(lambda: _takes(self.port) or self.process.poll() is not None, str(self.folder))
        assert self.process.poll() is None, _said(self.folder)
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def _started(kind: Kind, upstream: int) -> Iterator[_Proxy]:
    with tempfile.TemporaryDirectory(prefix="reprise-proxy-", ignore_cleanup_errors=True) as made:
        folder, port = Path(made), ports.free()
        folder.chmod(0o777)  # squid and nginx write as other users where we are root
        configuration = folder / kind.configuration
        values = {
            "@folder@": made, "@port@": str(port), "@upstream@": str(upstream),
            "@configuration@": str(configuration),
        }  # fmt: skip
        configuration.write_text(_filled((HERE / kind.configuration).read_text(), values))
        program, *arguments = (_filled(word, values) for word in kind.command)
        command = child.tethered([_binary(program), *arguments], signal.SIGTERM, parent=os.getpid())
        process = child.spawn(command, folder / "out", cwd=folder)
        try:
            yield _Proxy(port, process, folder)
        finally:
            child.stop(process, 10)


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _binary(program: str) -> str:
    path = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    found = shutil.which(program, path=path)
    assert found, f"{program} is missing: ops/test installs it"
    return found


def _takes(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _said(folder: Path) -> str:
    files = [file for file in (folder / "out", folder / "log") if file.exists()]
    return "\n".join(file.read_text(errors="replace") for file in files)
