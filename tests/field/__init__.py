"""The field reports that the suite answers, and the reference page that is written from them.

Each `*.toml` here holds the rows of one part: the reports, the right behaviour, the tests that hold
it. `python -m tests.field` writes docs/reference/field.md; a test keeps the page and the rows true.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "field.md"
INTRODUCTION = """\
# Field reports

Faults that users of other systems reported, tried on Reprise. Each row gives the reports
(`project#number`), the behaviour that is right here, and the tests that hold it. The page is
written by `python -m tests.field` from the rows in `tests/field/`.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of fault. `tests` are `path::name`, the name as the runner of that file shows it."""

    part: str
    reports: tuple[str, ...]
    behaviour: str
    tests: tuple[str, ...]

    def as_markdown(self) -> str:
        """Return the row of the page's table."""
        reports = ", ".join(self.reports) or "–"
        tests = ", ".join(f"`{test}`" for test in self.tests)
        return f"| {reports} | {self.behaviour} | {tests} |".replace("\n", " ")


def read_rows(folder: Path = Path(__file__).parent) -> list[Row]:
    """Return all rows, in the order of the files' names."""
    return [
        Row(row["part"], tuple(row["reports"]), row["behaviour"], tuple(row["tests"]))
        for file in sorted(folder.glob("*.toml"))
        for row in tomllib.loads(file.read_text())["row"]
    ]


def render_page(rows: Iterable[Row]) -> str:
    """Return the page as Markdown: a table for each part."""
    parts = [INTRODUCTION]
    for part, of_part in groupby(rows, key=lambda row: row.part):
        lines = [row.as_markdown() for row in of_part]
        head = f"## {part}\n\n| reports | behaviour | tests |\n| --- | --- | --- |"
        parts.append("\n".join([head, *lines, ""]))
    return "\n".join(parts)
