"""docs/reference/conformance.md is true: what it names exists, runs where it says, and is all."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGE, PROTOCOL = REFERENCE / "conformance.md", REFERENCE / "protocol.md"
ALL = ["WebSocket", "SSE", "octet stream", "long poll"]
# As tests name them in their parameters, and as the page does.
TRANSPORTS = {
    "websocket": "WebSocket", "feed": "feed", "sse": "SSE", "octets": "octet stream",
    "longpoll": "long poll", "ndjson": "NDJSON",
}  # fmt: skip
SERVERS = ["daphne", "uvicorn"]

Ids = dict[tuple[str, str], set[str]]


class Row(NamedTuple):
    """A row of the page: what it is about, what it says of it, the tests as (file, name)."""

    what: str
    transports: set[str]
    servers: set[str]
    tests: list[tuple[str, str]]


def rows() -> list[Row]:
    found = []
    for cells in re.findall(
        r"^\| (.+) \| (.+) \| (.+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE
    ):
        if cells[1] not in {"transports", "---"}:
            found.append(row(*cells))
    return found


def row(what: str, transports: str, servers: str, shown_by: str) -> Row:
    names = [name for word in transports.split(", ") for name in ([word] if word != "all" else ALL)]
    tests, file = [], ""
    for word in re.findall(r"`([^`]+)`", shown_by):
        if word.endswith(".py"):
            file = f"tests/{word}" if "/" in word else f"tests/integration/{word}"
        else:
            tests.append((file, word))
    return Row(what, set(names), set(servers.split(", ")), tests)


@pytest.fixture(scope="module")
def collected() -> Ids:
    """By file and name of a test, the words in the ids that it is collected with."""
    files = sorted({file for row in rows() for file, _ in row.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    got = subprocess.run(
        [*command, "-o", "addopts=", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert got.returncode == 0, got.stdout + got.stderr
    return words_of(got.stdout)


def words_of(listed: str) -> Ids:
    found: Ids = defaultdict(set)
    for file, name, words in re.findall(r"^(\S+?)::(\w+)(?:\[(.*)\])?$", listed, re.MULTILINE):
        found[file, name].update(re.findall(r"\w+", words))
    return found


def test_every_test_that_is_named_is_there(collected: Ids) -> None:
    named = [test for row in rows() for test in row.tests]
    assert [test for test in named if test not in collected] == []
    assert all(row.tests for row in rows())


def test_each_row_has_the_servers_and_transports_that_its_tests_run_over(collected: Ids) -> None:
    for row in rows():
        words = set().union(*(collected[test] for test in row.tests))
        assert row.servers == ({"daphne"} | words & set(SERVERS)), row.what
        assert {TRANSPORTS[word] for word in words & set(TRANSPORTS)} <= row.transports, row.what


def test_no_code_kind_or_parameter_of_the_protocol_is_left_out() -> None:
    defined = set(re.findall(r"^\| `(\w[\w-]*)`", PROTOCOL.read_text(), re.MULTILINE))
    for more in re.findall(r"^\| ((?:`[\w-]+`, )+`[\w-]+`) \|", PROTOCOL.read_text(), re.MULTILINE):
        defined |= set(re.findall(r"`([\w-]+)`", more))
    defined -= {"0", "57", "57-5f1c2a9b"}  # the cursors
    shown = {word for row in rows() for word in re.findall(r"`([\w-]+)`", row.what)}
    heads = set(re.findall(r"^\| `(\w+)` \| transports", PAGE.read_text(), re.MULTILINE))
    assert defined - shown - heads == set()
    assert len(defined) > 25
