"""Waits until everything answers, and writes `ready.json`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.embedded import folders
from ops.errors import CannotStart
from ops.launcher.options import Options
from ops.launcher.services import Services

READY_SECONDS = 90.0


def wait_ready(url: str, watched: Callable[[], None]) -> None:
    """Return once `/readyz` answers 200, calling `watched` meanwhile; CannotStart after 90 s."""
    give_up = time.monotonic() + READY_SECONDS
    while (problem := _problem(f"{url}/readyz")) is not None:
        watched()
        if time.monotonic() > give_up:
            raise CannotStart(f"The web server is not ready: {problem}")
        time.sleep(0.05)


def _problem(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            answer.read()
        return None
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(500).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return str(error)


def wait_fleet(file: Path, watched: Callable[[], None]) -> dict[str, Any]:
    """Return the fleet's description once all its servers answer; CannotStart after 90 s."""
    give_up = time.monotonic() + READY_SECONDS
    while not file.exists():
        watched()
        if time.monotonic() > give_up:
            raise CannotStart("The demo fleet did not start within 90 s.")
        time.sleep(0.05)
    return folders.load(file)


def write(
    options: Options, services: Services, demo: dict[str, Any], fleet: dict[str, Any]
) -> None:
    """Write `ready.json` (the stream protocol's last section): readable by its owner, at once."""
    known = ("name", "url", "control")
    ready = {
        "url": options.url,
        "username": demo.get("username"),
        "password": demo.get("password"),
        "token": demo.get("token"),
        "database_url": services.database_url,
        "superuser_database_url": services.superuser_database_url,
        "redis_url": services.redis_url,
        "versions": fleet.get("versions", []),
        "fleet": [{name: row[name] for name in known} for row in fleet.get("servers", [])],
    }
    folders.save(options.clone.state / "ready.json", json.loads(json.dumps(ready)))
