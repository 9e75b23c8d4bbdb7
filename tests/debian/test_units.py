"""The systemd units: hardened, free of errors, and with programs that the wheel installs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ops.setup.clone import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MOST = 3.0
PROGRAMS = re.compile(r"^ExecStart=/srv/reprise/current/bin/(\S+)", re.MULTILINE)
EXPOSURE = re.compile(r"Overall exposure level for \S+: ([0-9.]+)")


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_there_is_a_unit_for_each_process() -> None:
    processes = {line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()}
    names = {path.stem.rstrip("@").removeprefix("reprise-") for path in SERVICES}
    assert names == processes | {"migrate", "doctor"}


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_each_is_hardened(unit: Path) -> None:
    ran = analyze("security", "--offline=true", unit)
    found = EXPOSURE.search(ran.stdout)
    assert found is not None, ran.stderr
    assert float(found[1]) <= MOST, ran.stdout


def test_a_unit_that_is_not_hardened_is_seen(tmp_path: Path) -> None:
    text = (UNITS / "reprise-sweeper.service").read_text()
    unit = tmp_path / "reprise-sweeper.service"
    unit.write_text(text.partition("\nNoNewPrivileges")[0] + "\n")
    ran = analyze("security", "--offline=true", f"--threshold={MOST * 10:g}", unit)
    assert ran.returncode == 1, ran.stdout


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    bin = tmp_path / "bin"
    bin.mkdir()
    for name in ("python", "reprise-admin"):
        (bin / name).symlink_to("/bin/true")
    for path in UNITS.iterdir():
        text = path.read_text().replace("/srv/reprise/current/bin", str(bin))
        (tmp_path / path.name).write_text(text)
    units = [
        path for path in tmp_path.iterdir() if path.suffix in {".service", ".target", ".timer"}
    ]
    ran = analyze("verify", *units)
    said = [line for line in ran.stderr.splitlines() if "reprise" in line]
    assert (said, ran.returncode) == ([], 0)


def test_programs_are_those_of_the_wheel() -> None:
    programs = {name for path in SERVICES for name in PROGRAMS.findall(path.read_text())}
    scripts = (ROOT / "pyproject.toml").read_text().partition("[project.scripts]")[2]
    assert programs == {"python", "reprise-admin"}
    assert "\nreprise-admin = " in scripts


def test_nobody_but_the_sealer_has_the_key_of_seals() -> None:
    users = {path.name: "User=reprise-sealer" in path.read_text() for path in SERVICES}
    assert [name for name, sealer in users.items() if sealer] == ["reprise-sealer.service"]
    assert all(("REPRISE_SEAL_KEY" in path.read_text()) == users[path.name] for path in SERVICES)
