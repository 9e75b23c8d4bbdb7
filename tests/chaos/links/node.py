"""Followers in Node: `follower.ts` made into one file, and the histories that it writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ops.errors import CannotStart
from ops.setup.clone import ROOT, Clone, tool_environment
from ops.setup.frontend import find_node
from tests.chaos.links.pages import Came
from tests.chaos.streams.history import History

CONFIGURATION = Path(__file__).with_name("vite.config.ts")


def command(folder: Path) -> list[str]:
    """Return the command that runs them, made in a folder. CannotStart."""
    clone = Clone.from_env()
    node = find_node(clone)
    program, out = str(node.folder / "node"), folder / "node"
    vite = [program, str(ROOT / "node_modules" / "vite" / "bin" / "vite.js"), "build"]
    env = node.environment(tool_environment(clone)) | {"NODE_DISABLE_COMPILE_CACHE": "1"}
    made = subprocess.run(
        [*vite, "--config", str(CONFIGURATION), "--outDir", str(out)], cwd=ROOT, text=True,
        env=env, capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise CannotStart(f"The follower in Node cannot be built: {made.stderr.strip()}")
    return [program, str(out / "follower.mjs")]


def history(path: Path) -> History:
    """Return what a follower wrote: lines of a time and an event's text."""
    made = History()
    for line in path.read_text().split("\n")[:-1]:
        at, _, text = line.partition("\t")
        made.take([Came(json.loads(text)["seq"], text.encode())], float(at))
    return made
