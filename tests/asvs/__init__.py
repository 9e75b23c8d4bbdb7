"""What of OWASP ASVS 5.0.0 holds, by which tests, and the page that is written from that.

Each `*.toml` here has the rows of a chapter: a requirement's number, what it is about in our own
words, whether it holds, the tests that show it. `attacks.toml` has attacks that worked once.
`python -m tests.asvs` writes docs/reference/asvs.md; a test keeps the page and the rows true.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
PAGE = ROOT / "docs" / "reference" / "asvs.md"
STATES = {
    "holds": "holds",
    "operator": "by configuration",
    "not_applicable": "does not apply",
    "not_held": "**not held**",
}
INTRODUCTION = """\
# ASVS

What Reprise holds of the [OWASP Application Security Verification Standard][standard] 5.0.0, levels
1 and 2: all {total} requirements, by number. The words here are ours and short; those that count
are in the standard. The page is written by `python -m tests.asvs` from the rows in `tests/asvs/`,
and a test checks that every test which a row names is there.

[standard]: https://owasp.org/www-project-application-security-verification-standard/

| state | means | |
| --- | --- | --- |
| holds | shown by the tests, whatever is configured | {holds} |
| by configuration | holds if the operator sets what the row says | {operator} |
| does not apply | there is no such thing here | {not_applicable} |
| not held | it does not; the row says what a site can do | {not_held} |

"""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement's row. `tests` are `path::name`."""

    chapter: str
    number: str
    about: str
    state: str
    note: str = ""
    tests: tuple[str, ...] = ()

    def as_markdown(self) -> str:
        """Return the row of the page's table."""
        shown = "<br>".join(part for part in (self.note, linked(self.tests)) if part)
        return f"| {self.number} | {self.about} | {STATES[self.state]} | {shown} |"


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that worked on an earlier version, and the tests that hold it now."""

    about: str
    tests: tuple[str, ...]


def linked(tests: Iterable[str]) -> str:
    """Return tests as links to their files."""
    return ", ".join(
        f"[`{one.partition('::')[2]}`](../../{one.partition('::')[0]})" for one in tests
    )


def read_levels() -> dict[str, int]:
    """Return the level of every requirement of ASVS 5.0.0, by number.

    The file has a digit for each requirement of a section, in order.
    """
    sections: dict[str, str] = tomllib.loads((FOLDER / "levels.toml").read_text())
    return {
        f"{section}.{place}": int(level)
        for section, levels in sections.items()
        for place, level in enumerate(levels, 1)
    }


def read_requirements() -> list[Requirement]:
    """Return all rows, chapter by chapter."""
    rows = []
    for file in sorted(FOLDER.glob("[0-9]*.toml")):
        chapter = tomllib.loads(file.read_text())
        for number, row in chapter["requirement"].items():
            tests = tuple(row.pop("tests", ()))
            rows.append(Requirement(chapter["chapter"], number, tests=tests, **row))
    return rows


def read_attacks() -> list[Attack]:
    """Return the attacks that worked once."""
    rows = tomllib.loads((FOLDER / "attacks.toml").read_text())["attack"]
    return [Attack(row["about"], tuple(row["tests"])) for row in rows]


def render_page() -> str:
    """Return the page as Markdown: a table for each chapter, then the attacks."""
    rows = read_requirements()
    counts = Counter(row.state for row in rows)
    parts = [INTRODUCTION.format(total=len(rows), **{state: counts[state] for state in STATES})]
    for chapter, of_chapter in groupby(rows, key=lambda row: row.chapter):
        head = f"## {chapter}\n\n| | what it asks | state | how, or why not |\n{'| --- ' * 4}|"
        parts.append("\n".join([head, *(row.as_markdown() for row in of_chapter), "\n"]))
    attacks = [
        f"| {at} | {a.about} | {linked(a.tests)} |" for at, a in enumerate(read_attacks(), 1)
    ]
    head = (
        "## Attacks that worked once\n\n"
        "Tried by hand on an earlier version. Each is a test now.\n\n"
        "| | what worked | held by |\n| --- | --- | --- |"
    )
    parts.append("\n".join([head, *attacks, ""]))
    return "".join(parts)
