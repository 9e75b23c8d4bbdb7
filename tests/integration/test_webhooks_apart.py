"""Webhooks to an address that misbehaves: noted, tried again, bounded; nothing is lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import pytest

from jobs.feed import consumers, webhooks
from jobs.models import Consumer as Row
from tests.integration.test_webhooks import Other, ended_job, listening, run, told

pytestmark = pytest.mark.usefixtures("database")

Talk = Callable[[socket.socket, threading.Event], None]
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """Listen where `talk` handles every connection; the value is the address."""
    over = threading.Event()

    def one(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(65536)
            talk(client, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=one, args=[client], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)


def silent(client: socket.socket, over: threading.Event) -> None:
    over.wait()


def closing(client: socket.socket, over: threading.Event) -> None:
    """Say nothing, and go."""


def garbage(client: socket.socket, over: threading.Event) -> None:
    client.sendall(b"\x00\xffSSH-2.0-OpenSSH\r\n\r\n" * 100)


def half(client: socket.socket, over: threading.Event) -> None:
    client.sendall(OK + b"Content-Le")


def dripping(client: socket.socket, over: threading.Event) -> None:
    """Send one more header each moment, for ever."""
    client.sendall(OK)
    while not over.wait(0.05):
        client.sendall(b"X-More: 1\r\n")


def large_head(client: socket.socket, over: threading.Event) -> None:
    client.sendall(OK + b"X-Large: " + b"x" * 10_000_000)


def nonsense(client: socket.socket, over: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 99999999999 Fine\r\n\r\n")


def other_words(client: socket.socket, over: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 500 \xff\xfe\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    "talk",
    [silent, closing, garbage, half, dripping, large_head, nonsense, other_words],
    ids=lambda talk: talk.__name__,
)
def test_an_address_without_a_proper_answer_gets_everything_later(talk: Talk) -> None:
    soon = partial(webhooks.handle_events, timeout=1.0)
    with talking(talk) as address, told(address) as consumer:
        before = found().position
        job = ended_job()
        run(replace(consumer, handle=soon))
        assert found().failures == 1
        assert found().error.startswith(f"No answer to {job}/4") or "answered 500" in found().error
    well = Other()
    with listening(well), told(well.url) as mended:
        assert found().position < before + 4
        Row.objects.filter(name="webhooks").update(retry_at=None, busy_until=None)
        run(mended)
    assert well.keys == [f"{job}/4"]
    assert found().failures == 0


def endless(client: socket.socket, over: threading.Event) -> None:
    """Answer at once, with a body that never ends."""
    client.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        client.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def bomb(client: socket.socket, over: threading.Event) -> None:
    """Answer with what says that it is compressed, and is not."""
    client.sendall(OK + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!")


def promised(client: socket.socket, over: threading.Event) -> None:
    """Promise a gigabyte and send none of it."""
    client.sendall(OK + b"Content-Length: 1000000000\r\n\r\n")
    over.wait()


@pytest.mark.parametrize("talk", [endless, bomb, promised], ids=lambda talk: talk.__name__)
def test_only_the_status_of_an_answer_counts(talk: Talk) -> None:
    with talking(talk) as address, told(address) as consumer:
        ended_job()
        ended_job()
        run(consumer)
        assert (found().failures, found().left_out, found().lag) == (0, 0, 0)


def test_redirects_are_not_followed_but_counted() -> None:
    def redirects(client: socket.socket, over: threading.Event) -> None:
        client.sendall(b"HTTP/1.1 302 Found\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n")

    with talking(redirects) as address, told(address) as consumer:
        job = ended_job()
        run(consumer)
    assert (found().failures, found().left_out) == (0, 1)
    assert found().error == f"webhook refused with 302: {job}/4 is passed over."


@pytest.mark.parametrize(
    "address", ["http://", "nonsense", "http://[::1", "ftp://host/", "http://a b/"]
)
def test_an_address_that_is_none_is_noted(address: str) -> None:
    with told(address) as consumer:
        ended_job()
        run(consumer)
        assert found().failures == 1


def found() -> consumers.Standing:
    [standing] = [one for one in consumers.consumer_status() if one.name == "webhooks"]
    return standing
