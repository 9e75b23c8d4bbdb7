"""A server in the inventory that nobody answers for: the job says so and harms nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ops.embedded import ports
from tests.acceptance.followers import Plan
from tests.acceptance.following import followed, on_every_transport
from tests.acceptance.up import Up

NAME = "gs-unplugged"


@pytest.fixture(scope="module")
def unplugged(up: Up) -> str:
    """A target whose port is closed, brought into the inventory as the demo's are."""
    folder = up.state / "fleet" / "unplugged"  # commands see no folder of tests
    folder.mkdir()
    owner = Path(up.fleet.servers[up.servers[0]]["variables"]["folder"]).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    closed = f"http://127.0.0.1:{ports.free()}"
    server = moved(up.fleet.servers[up.servers[0]], folder, closed)
    book = folder / "fleet.json"
    book.write_text(json.dumps({"servers": [server]}))
    up.manage("demo", "--credentials", str(up.state / "demo.json"), "--fleet", str(book))
    return NAME


def moved(server: dict[str, Any], folder: Path, address: str) -> dict[str, Any]:
    """Return a server's entry under another name, with a folder and a (closed) port of its own."""
    variables = server["variables"]
    known = {server["name"]: NAME, server["url"]: address, variables["folder"]: str(folder)}
    ctl = [known.get(word, word) for word in variables["ctl"]]
    own = {"ctl": ctl, "folder": str(folder)}
    return server | {"name": NAME, "url": address, "variables": variables | own}


async def test_an_unreachable_server_fails_by_name_and_the_others_are_updated(
    up: Up, seed: int, unplugged: str
) -> None:
    version, others = up.other_version(), up.servers[:2]
    job = up.update(version, [unplugged, *others], canary=0)
    followers = on_every_transport(up, job, Plan(seed, cuts=10))
    async with followed(up, followers):
        pass

    events = up.rows.events(job)
    [failed] = [event for event in events if event["type"] == "step.failed"]
    assert (failed["step"], failed["target"]) == ("preflight", unplugged)
    assert "did not answer at http://127.0.0.1:" in failed["data"]["error"]["message"]
    assert events[-1]["type"] == "job.failed"
    assert events[-1]["data"]["failed_targets"] == [unplugged]
    assert unplugged in events[-1]["data"]["message"]
    assert not any(event.get("step") == "rollback" for event in events)
    assert {up.fleet.version(name)["version"] for name in others} == {version}
    folded = up.job(job)
    assert (folded["status"], folded["done"], folded["failed"]) == ("failed", 3, 1)
