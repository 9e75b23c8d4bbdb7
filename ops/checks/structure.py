"""How the packages hang together: `python -m ops.checks.structure [package …]` counts it.

A room is a module or package directly in a package. For each package: its rooms, the arrows between
them (imports, also those in functions and under TYPE_CHECKING), the levels that these arrows make,
and the circles, of which there must be none.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

Arrows = Mapping[str, set[str]]


def main(packages: Sequence[str]) -> int:
    """Print the counts of each package; return 1 where there is a circle."""
    found = 0
    for package in packages or ("jobs", "streams"):
        arrows = room_arrows(package)
        circles = find_circles(arrows)
        modules = sum(Path(package, f"{room}.py").exists() for room in arrows)
        print(
            f"{package}: {len(arrows)} rooms ({modules} modules), "
            f"{sum(map(len, arrows.values()))} arrows, {count_levels(arrows)} levels, "
            f"{len(circles)} circles"
        )
        for circle in circles:
            print(f"  circle: {', '.join(circle)}")
        found += len(circles)
    return 1 if found else 0


def room_arrows(package: str) -> Arrows:
    """Return which rooms of a package each of its rooms imports."""
    rooms = {
        path.stem
        for path in Path(package).iterdir()
        if (path / "__init__.py").exists()
        or (path.suffix == ".py" and path.stem not in {"__init__", "__main__"})
    } - {"migrations"}
    arrows: dict[str, set[str]] = {room: set() for room in sorted(rooms)}
    for room in rooms:
        for path in _files(Path(package), room):
            arrows[room] |= {name for name in _imported(path, package) if name in rooms}
        arrows[room].discard(room)
    return arrows


def count_levels(arrows: Arrows) -> int:
    """Return how many rooms the longest chain of imports has; a circle counts as one."""
    group = {room: min(circle) for circle in find_circles(arrows) for room in circle}
    merged: dict[str, set[str]] = {}
    for room, imported in arrows.items():
        own = group.get(room, room)
        merged.setdefault(own, set()).update(group.get(name, name) for name in imported)
        merged[own].discard(own)
    levels: dict[str, int] = {}
    for room in TopologicalSorter(merged).static_order():
        levels[room] = 1 + max((levels[name] for name in merged.get(room, ())), default=0)
    return max(levels.values(), default=0)


def find_circles(arrows: Arrows) -> list[list[str]]:
    """Return the groups of rooms that import each other, directly or through others."""
    reach = {room: _reachable(room, arrows) for room in arrows}
    circles = {
        tuple(sorted(name for name in reach[room] if room in reach[name]))
        for room in arrows
        if room in reach[room]
    }
    return [list(circle) for circle in sorted(circles)]


def _reachable(room: str, arrows: Arrows) -> set[str]:
    found: set[str] = set()
    left = list(arrows[room])
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left.extend(arrows[name])
    return found


def _files(package: Path, room: str) -> Iterator[Path]:
    if (module := package / f"{room}.py").exists():
        yield module
    yield from (package / room).rglob("*.py")


def _imported(path: Path, package: str) -> Iterator[str]:
    prefix = f"{package.replace('/', '.')}."
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith(prefix):
                yield name.removeprefix(prefix).split(".")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
