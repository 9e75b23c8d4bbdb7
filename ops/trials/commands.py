"""What local commands do in a copy that runs with no setting: they work, and reach no secret."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.errors import CannotStart
from ops.trials import attacks

TERMINAL = {"succeeded", "failed", "cancelled"}
OTHER = "987654"


def try_commands(state: Path, clone: str, limit: float) -> str:
    """Update a server and try every way to a secret; CannotStart where one leads there.

    `state` is the state folder as seen from here, `clone` the clone's as seen from there.
    """
    ready = json.loads((state / "ready.json").read_text())
    other = {"targets": ["gs-011"], "command": ["sleep", OTHER]}
    _submit(ready, "command", other)
    update = {"servers": ["gs-001"], "version": ready["versions"][-1]}
    _wait(ready, _submit(ready, "version-update", update), "succeeded", limit)
    known = json.dumps(_known(ready, state, clone))
    for way in attacks.WAYS:
        words = [f"{clone}/.venv/bin/python", "-I", "-S", f"{clone}/ops/trials/attacks.py"]
        command = {"targets": ["gs-002"], "command": [*words, way, known]}
        said = _wait(ready, _submit(ready, "command", command), "failed", limit)
        if f"{way} leads nowhere" not in said:
            raise CannotStart(f"a local command: {way}: {said}")
    return f"{len(attacks.WAYS)} ways from a command lead nowhere"


def _known(ready: dict[str, Any], state: Path, clone: str) -> dict[str, Any]:
    pids = json.loads((state / "processes.json").read_text())
    return {
        "state": f"{clone}/.state", "folder": f"{clone}/.state/fleet", "code": f"{clone}/jobs",
        "worker": pids["worker"][0], "other": OTHER,
        "postgres": urlsplit(ready["database_url"]).port,
        "valkey": urlsplit(ready["redis_url"]).port,
        "control": urlsplit(ready["fleet"][-1]["control"]).port,
    }  # fmt: skip


def _submit(ready: dict[str, Any], kind: str, params: dict[str, Any]) -> str:
    return str(_call(ready, "/api/jobs", {"kind": kind, "params": params})["id"])


def _wait(ready: dict[str, Any], job: str, status: str, limit: float) -> str:
    """Wait for the job's end, which must be this; return all that the API says of it."""
    while (found := _call(ready, f"/api/jobs/{job}"))["status"] not in TERMINAL:
        if time.monotonic() > limit:
            raise CannotStart(f"job {job} does not end")
        time.sleep(0.2)
    if found["status"] != status:
        raise CannotStart(f"job {job} {found['status']}: {json.dumps(found)}")
    return json.dumps(found)


def _call(ready: dict[str, Any], path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {ready['token']}", "Content-Type": "application/json"}
    content = json.dumps(body).encode() if body else None
    request = urllib.request.Request(ready["url"] + path, content, headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return dict(json.load(answer))
