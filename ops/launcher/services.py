"""The servers below the project: the embedded ones or those that the environment names."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from ops.embedded import postgres, valkey
from ops.embedded.server import Prepared
from ops.errors import CannotStart
from ops.launcher.keeper import Keeper, Program

RANK = 10


@dataclass(frozen=True, slots=True)
class Services:
    """Where Postgres and Valkey are; what is to be started for that (None: somebody else's).

    `superuser_database_url` is the database as its owner; migrations run with it.
    """

    database_url: str
    superuser_database_url: str
    redis_url: str
    postgres: Prepared | None
    valkey: Prepared | None

    @classmethod
    def prepare(cls, state: Path) -> Services:
        """Take DATABASE_URL and REDIS_URL where they are set, else make servers ready."""
        database, cache = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        owner = os.environ.get("REPRISE_SUPERUSER_DATABASE_URL")
        own_postgres = None if database else postgres.prepare(state)
        own_valkey = None if cache else valkey.prepare(state)
        if own_postgres is not None:
            database, owner = own_postgres.url, own_postgres.superuser_url
        if own_valkey is not None:
            cache = own_valkey.url
        database, cache = database or "", cache or ""
        return cls(database, owner or database, cache, own_postgres, own_valkey)

    def programs(self) -> list[Program]:
        """Return what the keeper is to run for them, to be stopped last."""
        return [
            Program(
                prepared.name,
                prepared.tethered(),
                RANK,
                stop_signal=prepared.stop_signal,
                stop_seconds=30,
            )
            for prepared in (self.postgres, self.valkey)
            if prepared is not None
        ]

    def start(self, keeper: Keeper) -> None:
        """Start our own and return once all answer; CannotStart, saying which does not and why."""
        for prepared in (self.postgres, self.valkey):
            if prepared is not None:
                keeper.start(prepared.name)
        if self.postgres is not None:
            postgres.wait_ready(self.postgres, _up(keeper, postgres.NAME))
            postgres.provision(self.postgres)
        else:
            _check_postgres(self.database_url)
        if self.valkey is not None:
            valkey.wait_ready(self.valkey, _up(keeper, valkey.NAME))
        else:
            _check_redis(self.redis_url)


def _up(keeper: Keeper, name: str) -> Callable[[], bool]:
    return lambda: keeper.is_up(name)


def _check_postgres(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        message = " ".join(str(error).split())
        raise CannotStart(f"The Postgres of DATABASE_URL does not answer: {message}") from error


def _check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(f"The server of REDIS_URL does not answer: {error}") from error
