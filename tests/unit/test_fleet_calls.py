"""What the control script on a host does where a server hangs up instead of answering."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import pytest

from ops.fleet.host.basics import CONNECTIONS, call

ANSWER = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"status": "ok"}'


def test_a_connection_that_the_server_gave_up_is_made_again() -> None:
    with hanging_up(times=CONNECTIONS - 1) as url:
        assert call("GET", url) == (200, {"status": "ok"})


def test_a_server_that_only_hangs_up_has_no_answer() -> None:
    with hanging_up(times=CONNECTIONS) as url, pytest.raises(ValueError, match="no HTTP answer"):
        call("GET", url)


@contextmanager
def hanging_up(times: int) -> Iterator[str]:
    """A server that closes its first connections unanswered, and answers the next one."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        served = threading.Thread(target=_serve, args=(listener, times), daemon=True)
        served.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/healthz"


def _serve(listener: socket, times: int) -> None:
    for _ in range(times):
        listener.accept()[0].close()
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(ANSWER)
