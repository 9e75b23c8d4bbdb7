"""deploy/Containerfile: what the image is, as far as its text says."""

from __future__ import annotations

import json
import re

from ops.setup import wheel
from ops.setup.clone import ROOT

TEXT = re.sub(r"\\\n\s*", "", (ROOT / "deploy" / "Containerfile").read_text())
BUILD, FINAL = TEXT.split("\nFROM ")[1:]


def command(name: str) -> list[str]:
    """Return the words that an instruction of the final stage has in exec form."""
    found = re.search(rf"^{name}[^\[\n]*(\[.*\])$", FINAL, re.MULTILINE)
    assert found, name
    result: list[str] = json.loads(found[1].replace("CMD ", ""))
    return result


def test_processes_are_started_without_a_shell_by_an_ordinary_user() -> None:
    assert re.search(r"^USER 10001:10001$", FINAL, re.MULTILINE)
    assert command("CMD")[-1] == "core.asgi:application"
    assert command("HEALTHCHECK")[0] == "python"
    assert "STOPSIGNAL SIGTERM" in FINAL


def test_only_the_environment_leaves_the_first_stage() -> None:
    assert BUILD.startswith("${BASE} AS build")
    assert re.findall(r"^(?:COPY|ADD) .*$", FINAL, re.MULTILINE) == [
        "COPY --from=build /srv/reprise /srv/reprise"
    ]
    assert "pip" not in FINAL.replace("pipe", "")


def test_everything_that_a_wheel_is_built_of_is_in_the_context() -> None:
    ignored = (ROOT / ".containerignore").read_text().split()
    assert not {name for name in wheel.SOURCES if name in ignored}
