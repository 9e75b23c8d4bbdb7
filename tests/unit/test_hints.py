"""One hint of a job waits at most: what is joined, what is left out."""

from __future__ import annotations

from uuid import UUID

from jobs.log.hints import MAX_HINT_CHARACTERS, Hint
from jobs.log.types import Appended

JOB = UUID("019a0000-0000-7000-8000-000000000000")


def hint(first: int, *texts: str, status: str = "running") -> Hint:
    return Hint.of(Appended(JOB, first, first + len(texts) - 1, list(texts), status))


def test_hints_that_follow_each_other_are_one() -> None:
    joined = hint(1, "a", "b").then(hint(3, "c", status="succeeded"))
    assert joined.message() == {
        "type": "log.appended",
        "job": str(JOB),
        "first": 1,
        "last": 3,
        "status": "succeeded",
        "lines": "a\nb\nc",
    }


def test_across_a_gap_the_later_one_counts() -> None:
    assert hint(1, "a").then(hint(3, "c")) == hint(3, "c")


def test_more_than_fits_is_only_named() -> None:
    half = "x" * (MAX_HINT_CHARACTERS // 2)
    joined = hint(1, half).then(hint(2, half)).then(hint(3, "y"))
    assert (joined.first, joined.last) == (1, 3)
    assert joined.message()["lines"] is None
    assert joined.then(hint(4, "z")).message()["lines"] is None
