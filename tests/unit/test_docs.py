"""The documentation is about this project: its links lead somewhere, its references are whole."""

from __future__ import annotations

import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from core.config import variable_names
from jobs.events import EventType

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
# `[text](place)` and `![text](place)`, outside of code.
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r'"((?:REPRISE|DATABASE|REDIS)_[A-Z_]+|PORT)\b')
# Handed from one process of ours to another; nobody sets them.
INTERNAL = {"REPRISE_UP_LOCK", "REPRISE_UP_BEGAN", "REPRISE_TALLY"}


def listed(*patterns: str) -> list[Path]:
    """Return the clone's files that match, ignored ones left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    found = subprocess.run([*command, *patterns], cwd=ROOT, capture_output=True, check=True)
    paths = {ROOT / name for name in found.stdout.decode().split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def pages() -> list[Path]:
    return listed("*.md")


def links(page: Path) -> Iterator[str]:
    """Yield the relative places that a page links to."""
    for place in LINK.findall(CODE.sub("", page.read_text())):
        if not re.match(r"[a-z]+:", place):
            yield unquote(place)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def test_every_relative_link_leads_somewhere() -> None:
    lost = []
    for page in pages():
        for place in links(page):
            path, _, anchor = place.partition("#")
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                lost.append(f"{page.relative_to(ROOT)}: {place}")
    assert lost == []


def test_the_index_has_every_page() -> None:
    index = DOCS / "README.md"
    known = {(index.parent / place.partition("#")[0]).resolve() for place in links(index)}
    decisions = {(DOCS / "adr" / place).resolve() for place in links(DOCS / "adr" / "README.md")}
    ours = {page for page in pages() if DOCS in page.parents and page != index}
    assert ours - known - decisions == set()


def test_the_tree_in_the_readme_is_there() -> None:
    section = (ROOT / "README.md").read_text().split("## Where things are", 1)[1]
    tree = section.split("```")[1].strip().splitlines()
    assert [line for line in tree if not (ROOT / line.split()[0]).exists()] == []


def test_every_setting_is_in_the_reference_and_no_other() -> None:
    sources = listed("ops/launcher/*.py", "ops/setup/*.py", "ops/fleet/__main__.py")
    read = set(VARIABLE.findall("\n".join(path.read_text() for path in sources)))
    read |= variable_names() | {"REPRISE_SERVER", "REPRISE_TOKEN", "BIND"}
    page = (DOCS / "reference" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert documented == read - INTERNAL


def test_every_event_type_is_in_the_reference_and_no_other() -> None:
    page = (DOCS / "reference" / "events.md").read_text()
    rows = "\n".join(re.findall(r"^\|([^|]+)\|", page, re.MULTILINE))
    assert set(re.findall(r"`(\w+\.\w+)`", rows)) == {str(member) for member in EventType}


def our_commands() -> list[tuple[str, BaseCommand]]:
    ours = {config.name for config in apps.get_app_configs() if Path(config.path).parent == ROOT}
    return [
        (name, load_command_class(app, name))
        for name, app in sorted(get_commands().items())
        if app in ours
    ]


def words_of(name: str, command: BaseCommand) -> list[str]:
    """Return what a command adds to those of Django's: its options and subcommands."""
    parser = command.create_parser("manage.py", name)
    subcommands = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    reported = options(parser).union(*subcommands)
    for choices in subcommands:
        reported = reported.union(*map(options, choices.values()))
    return sorted(reported - options(BaseCommand().create_parser("manage.py", name)))


def options(parser: ArgumentParser) -> set[str]:
    return {text for action in parser._actions for text in action.option_strings}


def test_every_command_of_ours_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "cli.md").read_text()
    missing = []
    for name, command in our_commands():
        section = re.search(rf"^### `{name}\b.*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        text = section[0] if section else ""
        missing += [f"{name} {word}" for word in ["", *words_of(name, command)] if word not in text]
        missing += [] if section else [name]
    assert missing == []


def test_every_script_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "cli.md").read_text()
    scripts = [path for path in listed("ops/*") if path.parent == ROOT / "ops" and not path.suffix]
    assert [path.name for path in scripts if f"`ops/{path.name}" not in page] == []
