"""What ops/chaos streams holds followers to: each way to go wrong has to be found."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from core.ids import uuid7
from streams.client import TRANSPORTS
from tests.chaos.streams import account, verdict
from tests.chaos.streams.account import Account
from tests.chaos.streams.crowd import Ended
from tests.chaos.streams.crowd import Planned as Following
from tests.chaos.streams.history import History, fingerprint
from tests.chaos.streams.lags import Lag, Window, Windows
from tests.chaos.streams.layout import LADDER, transports
from tests.chaos.streams.plan import FAULTS, HERE, Planned, draw
from tests.chaos.streams.series import Course, Struck
from tests.chaos.streams.verdict import Verdict

LOG = [fingerprint(f"event {seq}".encode()) for seq in range(1, 6)]


def accounted(*seqs: int) -> Account:
    return account.of(LOG, seqs, [LOG[seq - 1] if 0 < seq < 6 else 0 for seq in seqs])


@pytest.mark.parametrize(
    ("seqs", "found"),
    [
        ([1, 2, 3, 4, 5], Account(got=5)),
        ([], Account(lost=5)),
        ([1, 2, 4, 5], Account(got=4, lost=1)),
        ([1, 2, 3, 4], Account(got=4, lost=1)),
        ([2, 3, 4, 5], Account(got=4, lost=1)),
        ([1, 2, 2, 3, 4, 5, 5], Account(got=5, doubled=2)),
        ([1, 1, 1, 2, 3, 4, 5], Account(got=5, doubled=2)),
        ([1, 3, 2, 4, 5], Account(got=5, disordered=1)),
        ([5, 4, 3, 2, 1], Account(got=5, disordered=4)),
        ([1, 2, 3, 4, 5, 1, 2], Account(got=5, doubled=2)),  # from the start again, no disorder
        ([1, 2, 3, 4, 5, 6], Account(got=5, foreign=1)),
        ([0, 1, 2, 3, 4, 5], Account(got=5, foreign=1)),
        ([1, 4, 2, 2, 9], Account(got=3, lost=2, doubled=1, disordered=1, foreign=1)),
    ],
)
def test_what_went_wrong_with_a_history_is_counted(seqs: list[int], found: Account) -> None:
    assert accounted(*seqs) == found
    assert found.wrong is (seqs != [1, 2, 3, 4, 5])


def test_an_event_with_other_bytes_is_foreign_and_its_own_is_lost() -> None:
    prints = [*LOG[:2], fingerprint(b"another event 3"), *LOG[3:]]
    assert account.of(LOG, range(1, 6), prints) == Account(got=4, lost=1, foreign=1)


def test_accounts_add_up() -> None:
    assert Account(1, 2, 3, 4, 5) + Account(10, 20, 30, 40, 50) == Account(11, 22, 33, 44, 55)


@dataclass(frozen=True)
class Came:
    """An event as a follower gives it."""

    seq: int
    raw: bytes


def test_a_history_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    history = History()
    history.take([Came(1, b"one"), Came(2, b"two")], 1000.25)
    history.take([Came(3, b"three")], 1000.5)
    history.write(tmp_path / "7")
    found = History.read(tmp_path / "7")
    assert list(found.seqs) == [1, 2, 3]
    assert list(found.prints) == [fingerprint(b"one"), fingerprint(b"two"), fingerprint(b"three")]
    assert list(found.times) == [1000.25, 1000.25, 1000.5]


def test_of_lags_the_rank_is_taken_that_so_many_do_not_exceed() -> None:
    lags = [number / 100 for number in range(1, 201)]
    random.Random(1).shuffle(lags)
    assert Lag.of(lags) == Lag(200, 1.0, 1.98, 2.0)
    assert Lag.of([0.5]) == Lag(1, 0.5, 0.5, 0.5)
    assert Lag.of([]) == Lag(0, 0.0, 0.0, 0.0)


def test_an_event_counts_where_it_was_appended_whenever_it_comes() -> None:
    calm, outage, after = Window(0, 10), Window(10, 20), Window(20, 30)
    windows = Windows([after, calm, outage])  # in any order
    appended = [9.5, 10.0, 19.5, 20.0, 30.0]
    windows.take(appended, [1, 2, 3, 4, 5], [9.75, 25.0, 25.0, 25.0, 30.5])
    windows.take(appended, [1, 2], [9.6, 10.5])
    assert list(calm.lags) == [0.25, pytest.approx(0.1)]
    assert list(outage.lags) == [15.0, 5.5, 0.5]
    assert list(after.lags) == [5.0]
    assert [window.last_late for window in (calm, outage, after)] == [0.0, 25.0, 25.0]
    assert [second for second, _ in windows.by_second()] == [9, 10, 19, 20, 30]


def test_all_are_served_when_the_last_has_its_first_event_of_a_window() -> None:
    window = Window(10, 20)
    windows = Windows([Window(0, 10), window])
    windows.take([9, 11, 12], [1, 2, 3], [9.1, 11.1, 15.0])
    windows.take([9, 11, 12], [1, 2, 3], [9.1, 11.4, 12.1])
    assert window.all_served == 11.4


def test_the_same_seed_gives_the_same_plan_with_each_fault_once() -> None:
    plan = draw(7, list(FAULTS), calm=5, lasts=10)
    assert plan == draw(7, list(FAULTS), calm=5, lasts=10)
    assert plan != draw(8, list(FAULTS), calm=5, lasts=10)
    assert sorted(one.fault for one in plan) == sorted(FAULTS)
    assert all(5 <= one.calm < 6 for one in plan)
    assert not [fault for fault in HERE if fault.endswith("-cut")]


@pytest.mark.parametrize("followers", [1, 4, 8, 200])
def test_each_follower_is_dealt_a_transport(followers: int) -> None:
    dealt = transports(followers, seed=3)
    assert len(dealt) == followers
    if followers >= 8:
        assert set(map(tuple, dealt)) == {*((name,) for name in TRANSPORTS), LADDER}


class Book:
    """The rows of a job whose chain is whole, unless told otherwise."""

    def __init__(self, texts: Sequence[str], broken: str = "") -> None:
        self._texts, self._broken = texts, broken

    def texts(self, job: UUID) -> list[str]:
        return list(self._texts)

    def broken(self, job: UUID) -> str:
        return self._broken


TEXTS = [
    json.dumps({"seq": seq, "at": f"2026-11-22T09:00:{seq:02}.000000Z"}) for seq in range(1, 21)
]
BEGAN = 1795338000.0  # what `at` is of
STRUCK = Struck(
    Planned(1, "valkey-stop", calm=5, lasts=5, web=0), "stopped", BEGAN + 8, BEGAN + 13, BEGAN + 15,
    recovered=True,
)  # fmt: skip
FINE = Ended(0, trouble="", doubled=0, holes=0)


def judged(
    folder: Path,
    struck: Struck = STRUCK,
    ended: Ended = FINE,
    seqs: Sequence[int] = range(1, 21),
    lag: float = 0.5,
    **more: object,
) -> Verdict:
    """Return the verdict on a follower that was given these events, each so late."""
    history = History(
        array("Q", seqs),
        array("Q", [fingerprint(TEXTS[seq - 1].encode()) for seq in seqs]),
        array("d", [BEGAN + seq + lag for seq in seqs]),
    )
    history.write(folder / "0")
    job = uuid7()
    follower = Following(0, f"http://127.0.0.1/jobs/{job}", ["SSE"])
    troubles = more.pop("troubles", [])
    course = Course(BEGAN, BEGAN + 20, [struck], [job], [follower], [ended], folder, troubles)  # type: ignore[arg-type]  # strings
    return verdict.of(Book(TEXTS, **more), course, bound=2.0)  # type: ignore[arg-type]  # as Rows


def test_a_course_in_which_nothing_went_wrong_holds(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert found.holds
    assert found.account == Account(got=20)
    assert found.felt[0].during == Lag(6, 0.5, 0.5, 0.5)  # from 8 s on, and one under way
    assert found.felt[0].recovery == 0.5  # that of 13 s came then
    assert found.calm.deliveries == 11  # before 7 s, and from 15 s to the end
    assert found.rate == pytest.approx(11 / 12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seqs": [*range(1, 9), *range(10, 21)]},
        {"seqs": [*range(1, 9), 8, *range(9, 21)]},
        {"seqs": [*range(1, 9), 10, 9, *range(11, 21)]},
        {"lag": 2.25},
        {"struck": replace(STRUCK, recovered=False)},
        {"ended": replace(FINE, trouble="not_signed_in: Sign in.")},
        {"ended": replace(FINE, doubled=1)},
        {"ended": replace(FINE, holes=1)},
        {"troubles": ["a job has not ended"]},
        {"broken": "seq 3: another hash"},
    ],
)
def test_anything_that_went_wrong_is_found(tmp_path: Path, wrong: dict[str, object]) -> None:
    assert not judged(tmp_path, **wrong).holds  # type: ignore[arg-type]  # each what fits


def test_without_a_bound_an_event_may_be_late(tmp_path: Path) -> None:
    struck = replace(STRUCK, planned=replace(STRUCK.planned, fault="web-kill"))
    found = judged(tmp_path, struck, lag=2.25)
    assert found.holds
    assert found.felt[0].recovery == 3.25  # when that of 14 s came, the last before all was well
