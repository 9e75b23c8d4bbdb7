"""`ops/image`: the list of components has every locked package."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from ops.setup.clone import ROOT


def test_the_components_are_those_that_are_locked(tmp_path: Path) -> None:
    listed = tmp_path / "reprise.cdx.json"
    command = ["./ops/image", "--only-components", "--components", str(listed)]
    subprocess.run(command, cwd=ROOT, check=True)
    document = json.loads(listed.read_text())
    assert document["bomFormat"] == "CycloneDX"
    lock = (ROOT / "requirements" / "service.txt").read_text()
    locked = set(re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    found = {(one["name"], one["version"]) for one in document["components"]}
    assert found == locked
    assert document["metadata"]["component"]["name"] == "reprise"
