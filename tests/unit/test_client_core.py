"""Whatever happens to its connections, the follower gives every event exactly once, in order."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.client import Patience, State, UpgradeTimes
from streams.client.fallback import TRANSPORTS
from tests.unit.client_world import Act, Does, World, history, make_core

LOG = history(40)
SENDS: list[Does] = ["send", "again", "skip"]
OTHERS: list[Does] = [
    "caught up", "fall behind", "beat", "rotate", "cut", "busy", "fall silent", "mumble", "greet",
    "drip", "end large messages",
]  # fmt: skip
acts = st.one_of(
    st.builds(Act, st.just("send"), st.integers(1, 9)),
    st.builds(Act, st.sampled_from(SENDS), st.integers(1, 5)),
    st.builds(Act, st.sampled_from(OTHERS), st.integers(1, 5)),
)
scripts = st.lists(st.lists(acts, max_size=8), max_size=25)
afters = st.integers(0, len(LOG))
rungs = st.integers(1, 4)
seeds = st.integers(0, 2**32)


def world(scripts: list[list[Act]], after: int, rungs: int, seed: int) -> World:
    chance = random.Random(seed)
    core = make_core(
        after=LOG[after - 1].cursor if after else "0",
        rungs=TRANSPORTS[:rungs],
        chance=chance,
        upgrade=UpgradeTimes(0.1, 0.3, 2),
        verify=True,
    )
    return World(LOG, scripts, core, chance)


@settings(max_examples=150, deadline=None)
@given(scripts, afters, rungs, seeds)
def test_every_event_comes_once_and_everything_is_let_go(
    scripts: list[list[Act]], after: int, rungs: int, seed: int
) -> None:
    ran = world(scripts, after, rungs, seed).run()
    assert [event.raw for event in ran.given] == [event.raw for event in LOG[after:]]
    assert ran.over is not None
    assert ran.over.error is None
    assert (ran.over.info.state, ran.over.info.status) == (State.ENDED, "succeeded")
    assert ran.open == {}
    assert ran.core.due is None


# What a transport does each time over which nothing useful comes: a beginning, and how it ends.
begins: list[Does] = ["greet", "send", "drip"]
ends: list[Does] = ["fall silent", "cut", "rotate", "end large messages"]
useless = st.tuples(
    st.builds(Act, st.sampled_from(begins), st.integers(1, 4)),
    st.builds(Act, st.sampled_from(ends)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(useless, min_size=3, max_size=3), seeds)
def test_it_comes_to_the_transport_that_works_whatever_the_others_do_each_time(
    faults: list[tuple[Act, Act]], seed: int
) -> None:
    ran = world([], 0, 4, seed)
    ran.faults, ran.prompt = dict(zip(TRANSPORTS, faults, strict=False)), True
    ran.run()
    assert [event.raw for event in ran.given] == [event.raw for event in LOG]
    tries = [[move.transport for move in ran.opened].count(name) for name in TRANSPORTS]
    assert max(tries) <= 4
    assert tries[-1] == 1


@settings(max_examples=50, deadline=None)
@given(scripts, afters, rungs, seeds)
def test_what_it_tells_of_itself_never_contradicts_itself(
    scripts: list[list[Act]], after: int, rungs: int, seed: int
) -> None:
    infos = world(scripts, after, rungs, seed).run().infos
    for last, info in pairwise(infos):
        assert last.seq <= info.seq <= info.head
        assert info.cursor == (LOG[info.seq - 1].cursor if info.seq else "0")
        if info.state is State.LIVE:
            assert (info.attempts, info.wait_s) == (0, None)
        if info.resumed:
            assert info.resumed.from_seq + info.resumed.caught_up <= len(LOG)


@settings(max_examples=50, deadline=None)
@given(scripts, afters, st.integers(0, 8), seeds)
def test_refused_for_good_it_has_given_a_prefix_and_stops(
    scripts: list[list[Act]], after: int, connections: int, seed: int
) -> None:
    # On one rung: a better transport that is only tried may refuse without harm.
    scripts = [*scripts[:connections], [Act("refuse")]]
    ran = world(scripts, after, 1, seed).run()
    assert ran.given == LOG[after : after + len(ran.given)]
    assert ran.over is not None
    assert ran.open == {}
    if ran.over.error:
        assert (ran.over.error.code, ran.over.info.state) == ("not_found", State.FAILED)
    else:
        assert ran.given == LOG[after:]


@settings(max_examples=50, deadline=None)
@given(scripts, seeds, st.floats(0, 100))
def test_with_a_limit_it_ends_one_way_or_the_other_with_a_prefix(
    scripts: list[list[Act]], seed: int, limit: float
) -> None:
    ran = world(scripts, 0, 4, seed)
    ran.core = make_core(chance=ran.chance, patience=Patience(reach_s=limit, give_up_s=limit))
    ran.run()
    assert ran.over is not None
    assert ran.given == LOG[: len(ran.given)]
    if ran.over.error:
        assert ran.over.error.code == "unreachable"
    else:
        assert ran.given == LOG
