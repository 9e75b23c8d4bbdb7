"""What ops/chaos links holds followers to: whatever is missed, or taken too much, is found."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.chaos.links import verdict
from tests.chaos.links.cases import Case, batches, draw, twins
from tests.chaos.links.kinds import LADDER, PAGE, WORDS
from tests.chaos.links.verdict import Found, Judged, bounds, judge
from tests.chaos.links.veth_links import Traffic
from tests.chaos.streams.account import Account
from tests.chaos.streams.crowd import Ended
from tests.support.relay import LinkOptions
from tests.support.relay.filters import (
    TOO_BIG,
    AnswerFilter,
    CutAfterBytes,
    CutAfterHello,
    MessageCap,
    StreamStall,
    WebSocketStall,
)

CASE = Case(1, "128k", "medium", "python", "websocket", "daphne", "bare")
TWIN = replace(CASE, number=2, twin=True)
NEEDED = Traffic(down=900_000, up=20_000, connections=1)
IDEAL = 900_000 * 8 / 128_000  # 56 s, and some round trips


def found(
    case: Case = CASE,
    seconds: float = 60.0,
    traffic: Traffic = NEEDED,
    account: Account = Account(got=2000),  # noqa: B008 - frozen
    job_ended: float = 0.0,
    **ended: object,
) -> Found:
    made = Ended(case.number, "", 0, 0, "WebSocket", 1000.0, 1000.0 + seconds)
    return Found(case, replace(made, **ended), account, traffic, job_ended)  # type: ignore[arg-type]  # as a test has it


def judged(of: Found, twin: Found | None = None) -> Judged:
    twin = twin or found(replace(of.case, number=99, twin=True), seconds=1.0)
    return next(one for one in judge([twin, of]) if one.found is of)


def test_a_case_that_took_what_it_needed_is_right() -> None:
    one = judged(found())
    assert one.wrong == []
    assert one.bounds is not None
    assert IDEAL < one.bounds.ideal < IDEAL + 1
    assert one.bounds.seconds == pytest.approx(1.5 * one.bounds.ideal)
    assert one.bounds.bytes == 1.2 * NEEDED.total


@pytest.mark.parametrize(
    "wrong",
    [
        found(account=Account(got=1999, lost=1)),
        found(account=Account(got=2000, doubled=1)),
        found(account=Account(got=2000, disordered=1)),
        found(account=Account(got=2000, foreign=1)),
        found(trouble="still following"),
        found(doubled=1),
        found(holes=1),
        found(seconds=1.5 * IDEAL + 2),
        found(traffic=Traffic(down=1_060_000, up=45_000, connections=1)),
    ],
)
def test_whatever_is_wrong_with_a_case_is_found(wrong: Found) -> None:
    assert len(judged(wrong).wrong) == 1


@pytest.mark.parametrize(
    "twin",
    [
        found(TWIN, trouble="still following"),
        found(TWIN, account=Account(got=1999, lost=1)),
        found(replace(TWIN, follower="node")),
        found(replace(TWIN, way="sse")),
        found(replace(TWIN, job="small")),
    ],
)
def test_without_a_twin_that_came_to_the_end_nothing_is_right(twin: Found) -> None:
    assert judged(found(), twin).wrong == ["its twin did not come to the end"]


def test_what_is_needed_is_the_least_that_a_twin_took() -> None:
    worse = found(replace(TWIN, server="uvicorn"), traffic=Traffic(1_900_000, 20_000, 3))
    [one] = [one for one in judge([worse, found(), found(TWIN)]) if not one.found.case.twin]
    assert one.bounds is not None
    assert one.bounds.needed == NEEDED.total


def test_of_a_job_that_goes_on_the_ideal_is_its_own_time_where_that_is_longer() -> None:
    live = replace(CASE, link="64k-live", job="live")
    took = Traffic(300_000, 90_000, 1)
    needs = found(replace(live, number=9, twin=True), traffic=took)
    both = [found(live, seconds, took, job_ended=1050.0) for seconds in (75.0, 80.0)]
    assert [len(judged(one, needs).wrong) for one in both] == [0, 1]


def test_cuts_may_lose_a_frame_each_and_finding_out_takes_its_time() -> None:
    plain = bounds(CASE, NEEDED)
    cut = bounds(replace(CASE, link="128k-cut"), NEEDED)
    assert cut.seconds == plain.seconds
    assert cut.bytes == plain.bytes + 18 * verdict.LOST_BYTES  # one each 5 s of 85
    fast = replace(CASE, link="1mbit")
    stalled = bounds(replace(fast, link="stalled"), NEEDED)
    streams = bounds(replace(fast, link="stalled-streams"), NEEDED)
    assert stalled.seconds == bounds(fast, NEEDED).seconds + 5
    assert streams.seconds == bounds(fast, NEEDED).seconds + 15


# -- the cases ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_cases_in_an_order_of_its_own() -> None:
    one, other = draw(7), draw(8)
    assert one == draw(7)
    assert one != other
    assert sorted(case.number for case in one) == list(range(1, len(one) + 1))
    assert {case.words for case in one} == {case.words for case in other}


def test_every_word_chooses_cases_and_words_of_one_kind_add_up() -> None:
    every = draw(7)
    for words in WORDS:
        chosen = [draw(7, [word]) for word in words]
        assert all(chosen)
        assert sum(map(len, chosen)) == len(every) == len(draw(7, words))
    both = draw(7, ["64k", "128k", "sse"])
    assert {(case.link, case.way) for case in both} == {("64k", "sse"), ("128k", "sse")}


def test_each_follower_and_transport_meets_each_server_with_and_without_nginx() -> None:
    every = draw(7)
    for link in ("1mbit", "128k", "64k"):
        met = {case.words[1:] for case in every if case.link == link and case.follower != PAGE}
        assert len(met) == 2 * 5 * 2 * 2
    for link in ("64k-live", "64k-behind", "1mbit-cut", "128k-cut"):
        halves = [case for case in every if case.link == link and case.follower != PAGE]
        for follower, way in {(case.follower, case.way) for case in halves}:
            met = {(c.server, c.door) for c in halves if (c.follower, c.way) == (follower, way)}
            assert {server for server, _ in met} == {"daphne", "uvicorn"}
            assert {door for _, door in met} == {"bare", "nginx"}


def test_each_case_has_a_twin_that_comes_before_it_or_with_it() -> None:
    groups = batches(draw(7), at_once=70)
    seen = set[tuple[str, ...]]()
    for group in groups:
        seen |= {case.needs for case in group if case.twin}
        assert {case.needs for case in group} <= seen
        assert len({case.is_live for case in group}) == 1
    assert len({case.number for group in groups for case in group}) == sum(map(len, groups))
    assert [case.number for case in draw(7) if case.bits is None] == []
    assert {(case.bits, case.fault) for case in twins(draw(7))} == {(None, "")}


def test_the_ladder_needs_what_the_best_transport_does_that_gets_through() -> None:
    best = {case.link: case.needs[1] for case in draw(7) if case.way == LADDER != case.needs[1]}
    assert (best["64k"], best["stalled"], best["stalled-streams"]) == (
        "websocket", "sse", "long-poll",
    )  # fmt: skip


# -- what relays do ----------------------------------------------------------------------------

HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(payload: bytes, opcode: int = 1, *, final: bool = True) -> bytes:
    """Return an unmasked frame, as a server sends it."""
    size = len(payload)
    first = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        return first + bytes([size]) + payload
    if size < 65536:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload


def passed(made: AnswerFilter, data: bytes, chance: random.Random) -> bytes:
    """Return what a made passes on of bytes that come in pieces by chance."""
    out = b""
    while data and not made.stopped:
        count = chance.choice((1, 2, 3, 7, 100, 5000, 100_000))
        out += made.feed(data[:count])
        data = data[count:]
    return out


@pytest.mark.parametrize("seed", range(5))
def test_a_message_within_the_cap_passes_as_it_is_and_one_beyond_ends_the_connection(
    seed: int,
) -> None:
    chance = random.Random(seed)
    fine = HANDSHAKE + frame(b"hello") + frame(b"x" * 300) + frame(b"", 9) + frame(b"y" * 65536)
    made = MessageCap(65536)
    assert (passed(made, fine, chance), made.stopped) == (fine, False)
    for over in (frame(b"z" * 65537), frame(b"a" * 60000, final=False) + frame(b"b" * 6000, 0)):
        made = MessageCap(65536)
        out = passed(made, fine + over + frame(b"never"), chance)
        assert out.startswith(fine)
        assert out.endswith(TOO_BIG)
        assert b"never" not in out
        assert made.ends


@pytest.mark.parametrize("seed", range(5))
def test_after_the_greeting_of_a_socket_nothing_passes(seed: int) -> None:
    greeting = HANDSHAKE + frame(b"", 9) + frame(b'{"kind":"hello"}')
    made = WebSocketStall()
    out = passed(made, greeting + frame(b"x" * 300) + frame(b"more"), random.Random(seed))
    assert (out, made.stopped, made.ends) == (greeting, True, False)


@pytest.mark.parametrize("seed", range(5))
def test_after_the_greeting_of_a_stream_nothing_passes(seed: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: padding\n\nretry: 500\n\n"
    greeting = head + b'event: hello\nid: 0\ndata: {"head":3}\n\n'
    made = StreamStall()
    out = passed(made, greeting + b"data: 1\n\ndata: 2\n\n", random.Random(seed))
    assert (out, made.stopped) == (greeting, True)


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_is_cut_so_many_bytes_after_its_greeting(seed: int) -> None:
    greeting = HANDSHAKE + frame(b'{"kind":"hello","head":3}')
    chance, count, out = random.Random(seed), 0, b""
    made = CutAfterHello(1000)
    data = greeting + b"x" * 3000
    while not made.ends:
        step = chance.choice((1, 7, 100))
        out, count = out + made.feed(data[count : count + step]), count + step
    assert data.startswith(out)
    assert len(greeting) + 1000 <= len(out) <= len(greeting) + 1100


@pytest.mark.parametrize("seed", range(5))
def test_a_connection_is_cut_after_so_many_bytes(seed: int) -> None:
    made = CutAfterBytes(1000)
    assert passed(made, b"x" * 3000, random.Random(seed)) == b"x" * 1000
    assert made.ends


@pytest.mark.parametrize(
    ("options", "socket", "stream"),
    [
        (LinkOptions(), None, None),
        (LinkOptions(most=9), MessageCap, None),
        (LinkOptions(stalls="sockets"), WebSocketStall, None),
        (LinkOptions(stalls="streams"), WebSocketStall, StreamStall),
        (LinkOptions(cut_bytes=9), CutAfterHello, CutAfterHello),
    ],
)
def test_only_what_is_to_be_held_is_looked_at(
    options: LinkOptions, socket: type[AnswerFilter] | None, stream: type[AnswerFilter] | None
) -> None:
    requests = [
        b"GET /ws/jobs/1/?after=0 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"GET /api/jobs/1/stream?after=0 HTTP/1.1\r\n\r\n",
        b"GET /api/jobs/1/events?after=0 HTTP/1.1\r\n\r\n",
    ]
    looking = [options.answer_filter(request) for request in requests]
    assert [type(one) if one else None for one in looking] == [socket, stream, None]
