"""The schema of a line of the log is the documented one, and lines about a job name it."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

from core.log_lines import LoggedError, LogLine, describe_record
from jobs.secrets.logs import JsonFormatter
from tests.support.bad_kinds import Unspeakable

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "logs.md"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def test_the_reference_has_every_member_and_no_other() -> None:
    documented = set(re.findall(r"^\| `([\w.]+)` \|", PAGE.read_text(), re.MULTILINE))
    members = {*LogLine.__annotations__, *(f"error.{name}" for name in LoggedError.__annotations__)}
    assert documented == members - {"error"}


def test_every_line_about_a_job_has_its_id() -> None:
    """A line of a shared thread or task, which belongs to no run, has to name its job itself."""
    nameless = []
    for package in ("core", "jobs", "streams", "frontend"):
        for path in sorted((ROOT / package).rglob("*.py")):
            nameless += [f"{path}:{call.lineno}" for call in log_calls(path) if lacks_job(call)]
    assert nameless == []


def log_calls(path: Path) -> list[ast.Call]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [
        call for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS
        and isinstance(call.func.value, ast.Name) and call.func.value.id == "logger"
    ]  # fmt: skip


def lacks_job(call: ast.Call) -> bool:
    """Whether a call logs "job %s" without an `extra` that is more than an action."""
    said = call.args[0]
    if not (isinstance(said, ast.Constant) and re.search(r"\bjob %s", str(said.value))):
        return False
    extra = next((word.value for word in call.keywords if word.arg == "extra"), None)
    if isinstance(extra, ast.Dict):
        return "job" not in {key.value for key in extra.keys if isinstance(key, ast.Constant)}
    return extra is None  # else it is a variable: `where`


def test_what_cannot_be_put_in_words_is_logged_all_the_same() -> None:
    error = Unspeakable()
    record = logging.LogRecord(
        "a", logging.ERROR, "", 1, "%s", ("said",), (Unspeakable, error, None)
    )
    line = describe_record(record)
    assert line["error"]["type"] == "Unspeakable"
    assert "\n" not in JsonFormatter().format(record)


def test_an_extra_that_is_no_member_is_left_out() -> None:
    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO", "secret": "no"})
    assert "no" not in describe_record(record).values()
