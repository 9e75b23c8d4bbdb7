"""Postgres and Valkey on a host: the embedded ones, which else listen on loopback only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ops.embedded import postgres, valkey
from ops.embedded.server import Prepared
from tests.chaos.hosts import NET, Host

LOOPBACK = "127.0.0.1"


def database(folder: Path, host: Host) -> Prepared:
    """Return a durable Postgres to run on a host: what it has acknowledged must survive a crash."""
    prepared = postgres.prepare(folder, durable=True)
    if host.namespace is None:
        return prepared
    with (prepared.place / "data" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {NET}.0/24 scram-sha-256\n")
    return _moved(prepared, host, "-c", f"listen_addresses={host.address}")


def hints(folder: Path, host: Host) -> Prepared:
    """Return a Valkey to run on a host."""
    return _moved(valkey.prepare(folder), host, "--bind", host.address)


def _moved(prepared: Prepared, host: Host, *words: str) -> Prepared:
    return replace(
        prepared,
        command=(*prepared.command, *words),
        url=prepared.url.replace(LOOPBACK, host.address),
        superuser_url=prepared.superuser_url.replace(LOOPBACK, host.address),
    )
