"""docs/reference/asvs.md is what its rows say: all requirements, and tests that pytest collects."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from tests.asvs import PAGE, ROOT, STATES, read_attacks, read_levels, read_requirements, render_page
from tests.integration.test_conformance_page import words_of
from tests.unit.test_field_page import is_there

ATTACKS = 30


def named_tests() -> set[str]:
    requirements = {test for row in read_requirements() for test in row.tests}
    return requirements | {test for attack in read_attacks() for test in attack.tests}


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """The tests of Python that pytest finds in the files that rows name."""
    files = sorted({test.partition("::")[0] for test in named_tests() if ".py::" in test})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    got = subprocess.run(
        [*command, "-o", "addopts=", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert got.returncode == 0, got.stdout + got.stderr
    return {f"{file}::{name}" for file, name in words_of(got.stdout)}


def test_the_page_is_written_from_its_rows() -> None:
    assert PAGE.read_text() == render_page(), "run: python -m tests.asvs"


def test_every_requirement_of_both_levels_is_there_once() -> None:
    levels = read_levels()
    assert Counter(levels.values()) == {1: 70, 2: 183, 3: 92}  # ASVS 5.0.0
    wanted = {number for number, level in levels.items() if level <= 2}
    assert Counter(row.number for row in read_requirements()) == Counter(wanted)


def test_every_test_that_is_named_is_there(collected: set[str]) -> None:
    missing = {test for test in named_tests() - collected if ".py::" in test or not is_there(test)}
    assert missing == set()


def test_every_row_says_how_it_holds_or_why_not() -> None:
    for row in read_requirements():
        assert row.state in STATES, row.number
        if row.state == "holds":
            assert row.tests, row.number
        else:
            assert row.note, row.number


def test_every_attack_has_a_test() -> None:
    attacks = read_attacks()
    assert len(attacks) == ATTACKS
    assert all(attack.tests for attack in attacks)
