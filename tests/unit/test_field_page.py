"""docs/reference/field.md is what its rows say, and each test that a row names is there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.field import PAGE, ROOT, read_rows, render_page


@cache
def names_in(file: Path) -> frozenset[str]:
    """Return the names of a Python file's tests."""
    nodes = ast.walk(ast.parse(file.read_text()))
    names = [n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(name for name in names if name.startswith("test_"))


def is_there(test: str) -> bool:
    """Return whether the file of `path::name` has a test of that name."""
    path, _, name = test.partition("::")
    file = ROOT / path
    if not name or not file.is_file():
        return False
    if file.suffix == ".py":
        return name in names_in(file)
    text = file.read_text()  # TypeScript: the titles of the groups around it, then its own
    titles = name.split(" > ")
    return all(any(f"{q}{title}{q}" in text for q in ("'", '"', "`")) for title in titles)


def test_the_page_is_written_from_its_rows() -> None:
    assert PAGE.read_text() == render_page(read_rows()), "run: python -m tests.field"


def test_every_row_is_held_by_tests_that_are_there() -> None:
    rows = read_rows()
    assert rows
    assert [row.behaviour for row in rows if not row.tests] == []
    assert [test for row in rows for test in row.tests if not is_there(test)] == []


def test_a_name_that_no_file_has_is_noticed() -> None:
    assert is_there("tests/unit/test_field_page.py::test_every_row_is_held_by_tests_that_are_there")
    assert not is_there("tests/unit/test_field_page.py::test_that_is_not_there")
    assert not is_there("tests/unit/no_such_file.py::test_anything")
