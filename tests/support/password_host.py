"""An ssh host that lets people in by password: asyncssh's server, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

USER = "deploy"


@dataclass(frozen=True)
class PasswordHost:
    """Where it is, and the file that knows its key."""

    address: str
    known_hosts: Path


class _Door(asyncssh.SSHServer):
    def __init__(self, password: str) -> None:
        self._password = password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and password == self._password


async def _run_command(process: asyncssh.SSHServerProcess[Any]) -> None:
    pipe = asyncio.subprocess.PIPE
    own = await asyncio.create_subprocess_shell(
        process.command or "", stdin=pipe, stdout=pipe, stderr=pipe
    )
    await process.redirect(stdin=own.stdin, stdout=own.stdout, stderr=own.stderr)
    process.exit(await own.wait())


@contextmanager
def password_host(folder: Path, password: str) -> Iterator[PasswordHost]:
    """Run a host that takes this password of the user `deploy`, and no key."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    key = asyncssh.generate_private_key("ssh-ed25519")
    serving = asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=lambda: _Door(password),
        process_factory=_run_command, encoding=None,
    )  # fmt: skip
    server = asyncio.run_coroutine_threadsafe(_started(serving), loop).result()
    port = server.get_port()
    known = folder / "known_hosts_of_password_host"
    known.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    try:
        yield PasswordHost(f"ssh://{USER}@127.0.0.1:{port}", known)
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _started(serving: Any) -> asyncssh.SSHAcceptor:
    server: asyncssh.SSHAcceptor = await serving
    return server
