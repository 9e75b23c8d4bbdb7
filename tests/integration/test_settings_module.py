"""A site's own settings module, in every program that starts Django."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.setup.clone import ROOT

MODULE = """
from core.settings import *

print("settings of the site", flush=True)
raise SystemExit(7)
"""
PROGRAMS = {
    "manage.py": ["manage.py", "check"],
    "a worker's child": ["-P", "-m", "core.command_line", "check"],
    "worker": ["manage.py", "worker"],
    "sweeper": ["manage.py", "sweeper"],
    "sealer": ["manage.py", "sealer"],
    "daphne": ["-m", "streams.server", "core.asgi:application"],
    "uvicorn": ["-m", "streams.server_uvicorn", "core.asgi:application"],
    "asgi": ["-c", "import core.asgi"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_starts_with_the_settings_module_that_is_named(
    tmp_path: Path, program: str
) -> None:
    (tmp_path / "site_settings.py").write_text(MODULE)
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    own = {"DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": path}
    ran = subprocess.run(
        [sys.executable, *PROGRAMS[program]], cwd=ROOT, env=os.environ | own,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.strip()) == (7, "settings of the site"), ran.stderr
