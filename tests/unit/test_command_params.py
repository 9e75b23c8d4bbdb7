"""A command as somebody asks for it: what it is, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from core.errors import InvalidParams
from jobs.kinds.command.kind import Command
from jobs.kinds.command.params import CommandParams

NAMES = [f"web-{number}" for number in range(1, 13)]


def params(command: str | list[str] = "uptime", count: int = 12, **others: Any) -> CommandParams:
    return CommandParams(targets=NAMES[:count], command=command, **others)


def test_a_line_goes_through_the_shell_and_words_do_not() -> None:
    assert params("df -h | tail -1").argv() == ["/bin/sh", "-c", "df -h | tail -1"]
    assert params(["echo", "a b", "$HOME"]).argv() == ["echo", "a b", "$HOME"]


@pytest.mark.parametrize(
    ("some", "title"),
    [
        (params(), "uptime · 12 targets"),
        (params(["echo", "a b"], 1), "echo 'a b' · web-1"),
        (params("one\n  two", 2), "one two · 2 targets"),
        (params("x" * 100, 1), f"{'x' * 79}… · web-1"),
    ],
)
def test_the_title_is_the_command(some: CommandParams, title: str) -> None:
    assert Command().title_for(some) == title


def test_the_plan_is_one_step_in_batches() -> None:
    plan = Command().plan(params(batch=6, canary=1, max_failures=0))
    assert plan.steps == ["run"]
    assert [(group.name, len(group.targets)) for group in plan.groups] == [
        ("canary", 1), ("batch 1", 6), ("batch 2", 5),
    ]  # fmt: skip
    reported = "12 targets in 3 batches: web-1 first, then 6, 5. Stops after 1 failure."
    assert plan.words == reported


@pytest.mark.parametrize(
    ("others", "reported"),
    [
        ({}, ""),
        ({"pause_after_canary": True}, "After web-1 somebody has to approve. "),
        (
            {"pause_after_canary": True, "not_by_submitter": True, "canary": 3},
            "After 3 targets somebody other than the submitter has to approve. ",
        ),
        ({"pause_after_canary": True, "canary": 12}, ""),
    ],
)
def test_the_plan_says_who_has_to_approve(others: dict[str, Any], reported: str) -> None:
    words = Command().plan(params(max_failures=0, **others)).words
    assert words.partition(". ")[2].removesuffix("Stops after 1 failure.") == reported


def test_the_plan_says_so_too_where_the_installation_wants_it() -> None:
    with override_settings(REPRISE=settings.REPRISE.with_changes(four_eyes=True)):
        words = Command().plan(params(pause_after_canary=True)).words
    assert "After web-1 somebody other than the submitter has to approve." in words


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"command": " "}, "/command"),
        ({"command": []}, "/command"),
        ({"targets": []}, "/targets"),
        ({"batch": 0}, "/batch"),
        ({"timeout_s": 0}, "/timeout_s"),
        ({"shell": "bash"}, "/shell"),
    ],
)
def test_what_makes_no_sense_is_pointed_at(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        Command().parse({"targets": ["web-1"], "command": "true", **wrong})
    assert all(one["pointer"].startswith(pointer) for one in caught.value.errors)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"pause_after_canary": True, "canary": 0}, "/pause_after_canary"),
        ({"not_by_submitter": True}, "/not_by_submitter"),
    ],
)
def test_an_approval_that_nobody_is_asked_for_is_refused(
    wrong: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidParams) as caught:
        Command().check(params(**wrong))
    assert [one["pointer"] for one in caught.value.errors] == [pointer]
