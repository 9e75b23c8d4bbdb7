"""The follower's parts: what it reads, what it makes of statuses and codes, where it connects."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from httpx_sse._decoders import SSEDecoder
from hypothesis import given
from hypothesis import strategies as st

from streams import wire
from streams.client.addresses import Addresses
from streams.client.backoff import Backoff
from streams.client.chain import Chain
from streams.client.close_reasons import Lost, Refusal, by_close_code, by_response, retry_after
from streams.client.connection import PROTOCOL
from streams.client.errors import BadCursor, BadFrame
from streams.client.fallback import Fallback
from streams.client.frames import Events, Hello, Words, parse_frame, parse_named, seq_of, split_page
from streams.client.transports.http import failure_reason
from streams.client.transports.stream import Message, SseParser
from tests.unit.client_world import JOB, history

LOG = history(6)
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
# Whole Unicode takes Hypothesis two seconds to prepare; these are the signs that matter.
JSONISH = '{}[]":,\\ \n-.01aeué\u2028\x00\U0001f3ae'
ROOT = Path(__file__).resolve().parent.parent.parent


def test_it_speaks_the_servers_version() -> None:
    assert PROTOCOL == wire.PROTOCOL


@given(st.lists(st.sampled_from(LOG), min_size=1), st.text(JSONISH, max_size=20))
def test_events_keep_the_bytes_that_they_came_as(events: list[object], other: str) -> None:
    texts = [event.raw.decode() for event in events]  # type: ignore[attr-defined]  # events
    extra = json.dumps({"note": other, "list": [{"events": [1]}]})[1:-1]
    frame = f'{{"kind": "events" ,{extra}, "events" : [ {" , ".join(texts)} ]}}'
    found = parse_frame(frame)
    assert isinstance(found, Events)
    assert [event.raw for event in found.events] == [text.encode() for text in texts]


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"kind":3}', '{"kind":"events"}', '{"kind":"events","events":[{}]}',
     '{"kind":"events","events":[1]}', '{"kind":"end"}', '{"kind":"hello","protocol":"1"}',
     '{"kind":"hello"', '{"a":1 "b":2}', '{"kind":"error"}', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_frame_is_told_from_one(text: str) -> None:
    with pytest.raises(BadFrame):
        parse_frame(text)


@given(st.text(JSONISH, max_size=200))
def test_any_text_is_a_frame_or_a_bad_one(text: str) -> None:
    for read in (parse_frame, split_page):
        with suppress(BadFrame):
            read(text)


def test_members_and_kinds_that_are_unknown_are_borne() -> None:
    hello = '{"kind":"hello","protocol":1,"job":"x","after":"0","head":7,"heartbeat_s":5,"new":[]}'
    assert parse_frame(hello) == Hello(1, 7, 5.0)
    assert parse_frame('{"kind":"confetti"}') is None
    assert parse_named("confetti", "{}") is None
    assert parse_named("stream-error", '{"code":"over_limit","message":"m","retry_after_s":2}') == (
        Words("over_limit", "m", 2.0)
    )


lines = st.lists(
    st.tuples(
        st.sampled_from([b"data: x", b"data:y", b"event: e", b"id: 7", b"id", b": c", b"",
                         b"retry: 20", b"data: \xc3\xa9", b"unknown: z"]),
        st.sampled_from([b"\n", b"\r", b"\r\n"]),
    ),
    max_size=20,
)  # fmt: skip


@given(lines, st.lists(st.integers(0, 400), max_size=10), st.booleans())
def test_a_stream_means_the_same_however_its_bytes_are_split(
    lines: list[tuple[bytes, bytes]], cuts: list[int], bom: bool
) -> None:
    # A CR and an LF that follow each other by accident are one end of a line.
    body = (b"\xef\xbb\xbf" if bom else b"") + b"".join(text + end for text, end in lines)
    parser, found = SseParser(), list[Message]()
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    for start, end in pairwise(edges):
        found += parser.push(body[start:end])
    parser = SseParser()
    assert found == [each for byte in body for each in parser.push(bytes([byte]))]
    assert found == SseParser().push(body)
    assert found == as_httpx_sse_reads(body.removeprefix(b"\xef\xbb\xbf"))


def as_httpx_sse_reads(body: bytes) -> list[Message]:
    decoder, found = SSEDecoder(), []
    *whole, _ = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for line in whole:
        event = decoder.decode(line.decode())
        if event is not None and event.data:
            found.append(Message(event.event, event.data.encode(), event.id))
    return found


@given(st.integers(1000, 4999))
def test_close_codes_say_whether_to_come_back(code: int) -> None:
    assert isinstance(by_close_code(code, "", None), Refusal if code >= 4500 else Lost)


def test_the_words_before_a_close_frame_are_kept() -> None:
    assert by_close_code(4003, "", Words("over_limit", "Too many.", 3.0)) == Lost(
        "over_limit", "Too many.", 3.0, from_server=True
    )
    assert by_close_code(1006, "", Words("not_found", "Nothing.")) == Refusal(
        "not_found", "Nothing."
    )


PROBLEM = json.dumps({"code": "over_limit", "detail": "Too many.", "retry_after_s": 3}).encode()


@pytest.mark.parametrize(
    ("status", "type", "body", "expected"),
    [
        (404, "application/problem+json", b'{"code":"not_found","detail":"Nothing."}',
         Refusal("not_found", "Nothing.")),
        (404, "text/html", b"<h1>404</h1>", Lost("http_error", "The answer was HTTP 404.", 9.0)),
        (404, "application/json", b"{", Lost("http_error", "The answer was HTTP 404.", 9.0)),
        (429, "application/problem+json", PROBLEM,
         Lost("over_limit", "Too many.", 9.0, from_server=True)),
        (503, "application/problem+json", PROBLEM,
         Lost("over_limit", "Too many.", 9.0, from_server=True)),
        (502, "text/html", b"", Lost("http_error", "The answer was HTTP 502.", 9.0)),
    ],
)  # fmt: skip
def test_only_a_problem_with_a_code_is_the_servers_word(
    status: int, type: str, body: bytes, expected: object
) -> None:
    headers = httpx.Headers({"Content-Type": type, "Retry-After": "9"})
    assert by_response(status, headers, body, NOW) == expected


@pytest.mark.parametrize(
    ("header", "wait"),
    [(None, 0), ("7", 7), ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
     ("Sun, 22 Nov 2026 11:00:00 GMT", 0), ("soon", 0), ("-3", 0)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, wait: float) -> None:
    assert retry_after(header, NOW) == wait


@pytest.mark.parametrize("hours", [0, 5, -5])
def test_a_date_to_wait_for_is_counted_by_the_clock_that_said_it(hours: int) -> None:
    sent = NOW + timedelta(hours=hours)
    dates = {"Date": sent, "Retry-After": sent + timedelta(seconds=30)}
    headers = httpx.Headers({name: format_datetime(at, usegmt=True) for name, at in dates.items()})
    assert by_response(503, headers, b"", NOW) == Lost(
        "http_error", "The answer was HTTP 503.", 30.0
    )


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 60))
def test_a_wait_is_below_a_ceiling_that_doubles_to_a_cap(chance: float, tries: int) -> None:
    backoff = Backoff(lambda: chance)
    waits = [backoff.next() for _ in range(tries + 1)]
    assert waits[-1] == chance * min(15.0, 0.5 * 2**tries)
    backoff.reset()
    assert backoff.next() == chance * 0.5


ID = str(JOB)


@pytest.mark.parametrize(
    ("job", "server", "page"),
    [
        (f"https://h.example/jobs/{ID}", "", f"https://h.example/jobs/{ID}"),
        (f"https://h.example/jobs/{ID.upper()}/history?x=1#y", "", f"https://h.example/jobs/{ID}"),
        (f"http://h:8000/p/q/api/jobs/{ID}/stream", "", f"http://h:8000/p/q/jobs/{ID}"),
        (f"wss://h.example/ws/jobs/{ID}/", "", f"https://h.example/jobs/{ID}"),
        (ID, "http://h:8000/p/", f"http://h:8000/p/jobs/{ID}"),
        (ID, "http://[::1]:8000", f"http://[::1]:8000/jobs/{ID}"),
    ],
)
def test_any_address_of_a_job_will_do(job: str, server: str, page: str) -> None:
    found = Addresses(job, server)
    assert (found.page, found.job) == (page, JOB)


@pytest.mark.parametrize(
    ("job", "server"),
    [("https://h.example/", ""), ("https://h.example/jobs/12", ""), (ID, ""), (ID, "h.example"),
     (f"ftp://h/jobs/{ID}", ""), (f"https://me:pw@h/jobs/{ID}", ""), (f"/jobs/{ID}", "")],
)  # fmt: skip
def test_what_names_no_job_or_no_server_is_refused(job: str, server: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Addresses(job, server)


def test_the_streams_addresses() -> None:
    found = Addresses(f"https://h.example/p/jobs/{ID}")
    socket = f"wss://h.example/p/ws/jobs/{ID}/?after=5-0a1b2c3d&heartbeat_s=2"
    assert found.websocket("5-0a1b2c3d") == socket
    assert found.stream("5") == f"https://h.example/p/api/jobs/{ID}/stream?after=5&heartbeat_s=2"
    assert found.stream("5", 0.0).endswith("?after=5&heartbeat_s=2&rotate_s=0")
    assert found.events("5", 10, 20).endswith(f"/api/jobs/{ID}/events?after=5&limit=10&wait=20")


@pytest.mark.parametrize("text", ["", "x", "-1", "01", "5-", "5-ABCDEF01", "5-123", "٣", "5\n"])
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(BadCursor):
        seq_of(text)


def test_a_chain_holds_from_its_start_or_from_its_first_event() -> None:
    for after in (0, 3):
        chain = Chain(JOB, after)
        assert all(chain.holds(event) for event in LOG[after:])
    chain = Chain(JOB, 0)
    assert not chain.holds(LOG[1]), "seq 1 was left out"


@pytest.mark.parametrize("rungs", [[], ["carrier pigeon"]])
def test_a_ladder_has_known_rungs(rungs: list[str]) -> None:
    with pytest.raises(ValueError, match="Unknown transport"):
        Fallback(rungs)


def test_a_failure_is_told_in_the_systems_words() -> None:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert failure_reason(error) == "Connection refused"
    assert failure_reason(httpx.ReadError("")) == "ReadError"


ALONE = """
import sys
for name in ("django", "channels", "psycopg", "pydantic", "core.errors", "jobs", "frontend"):
    sys.modules[name] = None  # importing it is an ImportError now
from streams.client.command import main
try:
    main(["follow", "--help"])
except SystemExit as ended:
    assert ended.code == 0
import streams.client.command.record, streams.client.command.verify
ours = {name for name in sys.modules if name.partition(".")[0] in {"core", "streams"}}
taken = ("streams.client", "core.records", "core.terminal")
assert all(name in {"core", "streams"} or name.startswith(taken) or name == "core.errors"
           for name in ours), ours
"""


def test_it_runs_where_nothing_else_of_the_project_is_installed() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    for word in ("--json", "--after", "--transport", "--quiet", "REPRISE_TOKEN", "exit status"):
        assert word in ran.stdout
