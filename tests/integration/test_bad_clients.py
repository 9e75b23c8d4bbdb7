"""Clients that send too much, too slowly or nothing get an answer with a status, or an end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from tests.support.live_server import WITH_SHORT_TIMEOUTS, LiveServer, live_server, outputs
from tests.support.raw_client import UPGRADE, RawSocket, answered, ask, connected, read_to_end
from tests.support.services import Services
from tests.support.waiting import until

MIB = 1024 * 1024
HUGE_BYTES = 400 * MIB
# What a server may need more for a client that sends 400 MiB.
MOST_MEMORY = 48 * MIB
IDLE = 300


@pytest.fixture(scope="module", params=WITH_SHORT_TIMEOUTS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """A server that waits a second for a request, not twenty, and half a second for a reader."""
    hurry = {"FIRST_SECONDS": "1", "REQUEST_SECONDS": "1", "SLOW_SECONDS": "0.5"}
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param, **hurry) as started,
    ):
        yield started


def peak_memory(scene: LiveServer) -> int:
    """Return the most memory that the process has had, in bytes."""
    status = Path(f"/proc/{scene.web.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def held_connections(scene: LiveServer) -> int:
    """Return how many connections the process has, by the kernel's table."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port, listening = f":{scene.web.port:04X}", "0A"
    # One that the process has let go has no inode any more.
    return sum(row[1].endswith(port) and row[3] != listening and row[9] != "0" for row in rows)


def refused(data: bytes, status: int, code: str) -> None:
    """Check that an answer is this problem, whole, and says that the connection ends."""
    answer = answered(data)
    assert (answer.status_code, answer.json()["code"]) == (status, code), data[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Connection"].lower() == "close"
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def send_until_refused(connection: socket.socket, part: bytes, parts: int) -> int:
    """Send a part again and again, until the server will not have it; return how often."""
    for sent in range(parts):
        try:
            connection.sendall(part)
        except OSError:
            return sent
    return parts


HUGE_BODIES = {
    "length": ({"Content-Length": str(HUGE_BYTES)}, b"x" * MIB),
    "chunks": ({"Transfer-Encoding": "chunked"}, b"100000\r\n" + b"x" * MIB + b"\r\n"),
}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("form", HUGE_BODIES)
def test_a_huge_body_is_refused_before_it_is_read(
    scene: LiveServer, form: str, method: str
) -> None:
    headers, part = HUGE_BODIES[form]
    before = peak_memory(scene)
    with connected(scene.web.port) as connection:
        ask(connection, "/api/jobs", headers, method)
        send_until_refused(connection, part, HUGE_BYTES // MIB)
        refused(read_to_end(connection), 413, "event_too_large")
    assert peak_memory(scene) - before < MOST_MEMORY


def test_nobody_is_asked_to_go_on_with_a_huge_body(scene: LiveServer) -> None:
    with connected(scene.web.port) as connection:
        ask(
            connection, "/api/jobs", {"Content-Length": "9999999", "Expect": "100-continue"}, "POST"
        )
        refused(read_to_end(connection), 413, "event_too_large")


def test_a_body_up_to_the_limit_is_read(scene: LiveServer) -> None:
    body = b'"' + b"x" * (MIB - 2) + b'"'
    headers = {"Content-Length": str(len(body)), "Connection": "close"}
    with connected(scene.web.port) as connection:
        ask(connection, "/api/jobs", headers, "POST")
        connection.sendall(body)
        assert answered(read_to_end(connection)).status_code == 401


BAD_HEADS = {
    "cookies": ({"Cookie": "a=" + "x" * 20_000}, 431, "head_too_large"),
    "a megabyte of cookies": ({"Cookie": "a=" + "x" * MIB}, 431, "head_too_large"),
    "headers": ({f"X-{number}": "x" for number in range(150)}, 431, "head_too_large"),
    "many headers": ({f"X-{number}": "x" for number in range(30_000)}, 431, "head_too_large"),
    "a huge length": ({"Content-Length": "9" * 18}, 413, "event_too_large"),
    "no number": ({"Content-Length": "9" * 20}, 400, "bad_request"),
    "a negative length": ({"Content-Length": "-1"}, 400, "bad_request"),
    "no length": ({"Content-Length": "some"}, 400, "bad_request"),
    "two lengths": ({"Content-Length": "1", "content-length": "2"}, 400, "bad_request"),
    "a header without a colon": ({"X\r\nnonsense\r\nX": "x"}, 400, "bad_request"),
}


@pytest.mark.parametrize("upgrade", [False, True], ids=["request", "upgrade"])
@pytest.mark.parametrize("case", BAD_HEADS)
def test_a_bad_head_is_refused(scene: LiveServer, case: str, upgrade: bool) -> None:
    headers, status, code = BAD_HEADS[case]
    with connected(scene.web.port) as connection:
        ask(connection, "/ws/feed/", (UPGRADE if upgrade else {}) | headers)
        refused(read_to_end(connection), status, code)


# A request whose length two readers could see differently, and what would be a second one in it.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
AMBIGUOUS = {
    "a length and chunks": {"Content-Length": "4", "Transfer-Encoding": "chunked"},
    "chunks and a length": {"Transfer-Encoding": "chunked", "Content-Length": "4"},
    "chunks twice": {"Transfer-Encoding": "chunked, chunked", "Content-Length": "4"},
    "another coding": {"Transfer-Encoding": "xchunked", "Content-Length": "4"},
    "chunks after a space": {"Transfer-Encoding ": "chunked", "Content-Length": "4"},
    "chunks after a tab": {"Transfer-Encoding": "\tchunked", "Content-Length": "4"},
    "chunks not last": {"Transfer-Encoding": "chunked, identity", "Content-Length": "4"},
    "a length with a sign": {"Content-Length": "+4"},
    "lengths in one": {"Content-Length": "4, 4"},
    "a length in hex": {"Content-Length": "0x4"},
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_no_request_hides_in_another(scene: LiveServer, case: str) -> None:
    """RFC 9112 6.3: it is refused, and its connection ends with that."""
    with connected(scene.web.port) as connection:
        ask(connection, "/api/jobs", AMBIGUOUS[case], "POST")
        connection.sendall(b"0\r\n\r\n" + SMUGGLED)
        connection.shutdown(socket.SHUT_WR)
        answers = read_to_end(connection)
    if answers:  # daphne closes some without a word
        refused(answers, 400, "bad_request")


@pytest.mark.parametrize("size", [20_000, MIB])
def test_a_long_address_is_refused(scene: LiveServer, size: int) -> None:
    with connected(scene.web.port) as connection:
        ask(connection, "/api/jobs?" + "x" * size, {})
        refused(read_to_end(connection), 414, "address_too_long")


@pytest.mark.parametrize("line", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"])
def test_what_is_no_request_is_refused(scene: LiveServer, line: bytes) -> None:
    with connected(scene.web.port) as connection:
        connection.sendall(line)
        refused(read_to_end(connection), 400, "bad_request")


def test_messages_that_the_service_has_no_time_for_are_not_kept(scene: LiveServer) -> None:
    before = peak_memory(scene)
    path, headers = f"/ws/jobs/{scene.job()}/", scene.people.alice.headers
    text = b'{"kind":"follow","after":"0"}'
    frames = Frame(Opcode.TEXT, text).serialize(mask=True) * 1000
    with connected(scene.web.port) as connection:
        client = RawSocket(connection, path, headers)
        assert client.read()
        connection.settimeout(2)  # one that takes them one by one is not waited for
        send_until_refused(connection, frames, 300)
    assert scene.counters()["blocked"] == 0
    assert peak_memory(scene) - before < MOST_MEMORY


HEAD = b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
DRIPS = {
    "its first line": (b"GET /", b"x"),
    "its headers": (HEAD, b"X-Drip: x\r\n"),
    "one header": (HEAD + b"X: ", b"x"),
    "its body": (HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
}


@pytest.mark.parametrize("form", DRIPS)
def test_a_request_that_drips_is_given_up(scene: LiveServer, form: str) -> None:
    first, drop = DRIPS[form]
    with connected(scene.web.port) as connection:
        connection.sendall(first)
        connection.settimeout(0.1)
        read = None
        while read is None:
            connection.sendall(drop)
            try:
                read = connection.recv(1024)
            except TimeoutError:
                continue
        connection.settimeout(60)
        refused(read + read_to_end(connection), 408, "request_timeout")


def test_a_request_that_stops_is_given_up(scene: LiveServer) -> None:
    with connected(scene.web.port) as connection:
        connection.sendall(HEAD)
        refused(read_to_end(connection), 408, "request_timeout")


def test_connections_that_never_send_a_request_end(scene: LiveServer) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(scene.web.port)) for _ in range(IDLE)]
        assert [read_to_end(connection) for connection in idle] == [b""] * IDLE


@pytest.mark.parametrize("answer", ["stream", "page", "last words"])
def test_who_reads_no_answer_loses_its_connection(scene: LiveServer, answer: str) -> None:
    """Whether it is in the middle, or the last of it in the buffer or in the kernel."""
    size = {"stream": 60_000, "page": 30_000, "last words": 4000}[answer]
    job = scene.job(outputs(40, "x" * size))
    path = f"/api/jobs/{job}/" + ("stream" if answer == "stream" else "events?limit=15")
    with connected(scene.web.port, window=4096) as connection:
        ask(connection, path, scene.people.alice.headers)
        connection.recv(1)
        until(lambda: not held_connections(scene), "the end of the connection")
    assert scene.counters()["blocked"] == 0


def test_a_refused_client_that_goes_on_is_cut_off(scene: LiveServer) -> None:
    with connected(scene.web.port) as connection:
        ask(connection, "/api/jobs", {"Content-Length": str(HUGE_BYTES)}, "POST")
        while send_until_refused(connection, b"x" * 1000, 1):
            pass
        until(lambda: not held_connections(scene), "the end of the connection")
