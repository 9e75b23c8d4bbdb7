"""At most 45 % of the functions in `jobs` and `streams` are named by a single word.

That is Starlette's share. Dunder methods and migrations do not count; leading underscores are no
part of a name. `python -m ops.checks.names` prints the shares, and fails where one is too high.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("jobs", "streams")
MOST_PERCENT = 45


def main() -> int:
    """Print each package's share; return 1 where one is over the limit."""
    failed = False
    for package in PACKAGES:
        names = list(function_names(Path(package)))
        single = sum("_" not in name.strip("_") for name in names)
        percent = 100 * single / len(names)
        print(f"{package}: {single} of {len(names)} function names are one word, {percent:.0f} %")
        failed |= percent > MOST_PERCENT
    return int(failed)


def function_names(package: Path) -> Iterator[str]:
    """Yield the names of all functions and methods of a package."""
    for path in sorted(package.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if not name.startswith("__"):
                        yield name


if __name__ == "__main__":
    sys.exit(main())
