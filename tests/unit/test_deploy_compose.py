"""deploy/compose.yml: each container has no more than it needs, and waits for what it needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from core.config import variable_names
from ops.setup.clone import ROOT

FOLDER = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "REPRISE_IMAGE" in one["image"]}


def sources(service: dict[str, Any]) -> list[str]:
    return [one if isinstance(one, str) else one["source"] for one in service["secrets"]]


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_has_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    user = service["user"].split(":")[0]
    assert int(user) > 0
    assert ("ports" in service) == (name == "nginx")


@pytest.mark.parametrize("name", SERVICES)
def test_each_has_a_health_check_and_waits_for_healthy_ones(name: str) -> None:
    service = SERVICES[name]
    waits = service.get("depends_on", {})
    conditions = {other: each["condition"] for other, each in waits.items()}
    assert "service_started" not in conditions.values()
    if name != "migrate":
        assert service["healthcheck"]["test"]
    if name in OURS and name != "migrate":
        assert conditions == {
            "migrate": "service_completed_successfully", "valkey": "service_healthy",
        }  # fmt: skip


def test_there_is_everything_that_an_installation_runs() -> None:
    processes = {line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()}
    assert {name.split("-")[0] for name in OURS} == processes | {"migrate"}
    assert SERVICES.keys() - OURS.keys() == {"postgres", "valkey", "nginx"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


def test_commands_are_there() -> None:
    for service in OURS.values():
        words = service.get("command", ["reprise-admin", "check"])
        assert (words[0], words[1] in get_commands()) == ("reprise-admin", True)


def test_settings_are_settings() -> None:
    for service in OURS.values():
        targets = [one if isinstance(one, str) else one["target"] for one in service["secrets"]]
        assert {*service["environment"], *targets} <= variable_names()


def test_only_who_migrates_is_the_owner_and_only_the_sealer_has_its_volume() -> None:
    assert [name for name in OURS if "OWNER_DATABASE_URL" in sources(OURS[name])] == ["migrate"]
    volumes = {name: one["volumes"] for name, one in OURS.items()}
    assert [name for name, used in volumes.items() if used == ["sealer:/var/lib/reprise"]] == [
        "sealer"
    ]


def test_secrets_are_made_once_and_are_those_that_are_named(tmp_path: Path) -> None:
    shutil.copytree(
        FOLDER / "compose", tmp_path / "compose", ignore=shutil.ignore_patterns("secrets")
    )
    command = [str(tmp_path / "compose" / "make-secrets"), "reprise.example.org"]
    subprocess.run(command, check=True)
    folder = tmp_path / "compose" / "secrets"
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    named = {Path(one["file"]).name for one in COMPOSE["secrets"].values()}
    used = {source for service in SERVICES.values() for source in sources(service)}
    assert made.keys() == named == COMPOSE["secrets"].keys()
    assert used == named
    assert folder.stat().st_mode & 0o077 == 0
    subprocess.run(command, check=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made


def test_files_that_containers_get_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).exists(), volume
            else:
                assert source in COMPOSE["volumes"]
