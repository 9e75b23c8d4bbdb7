"""What every command needs: how it speaks, how it fails, HTTP and files, with few imports.

An update starts the control script many times, so nothing here imports what takes long to load.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import IO, Any

ANSWER_SECONDS = 10.0
CONNECTIONS = 3
GREEN, YELLOW, RED, DIM = "32", "33", "31", "2"


class Failed(Exception):
    """The command failed; the message is its last line, `status` the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def say(text: str, colour: str = "", to: IO[str] = sys.stdout) -> None:
    """Print one line at once, in colour unless NO_COLOR says otherwise."""
    if colour and "NO_COLOR" not in os.environ:
        text = f"\x1b[{colour}m{text}\x1b[0m"
    print(text, file=to, flush=True)


def call(method: str, url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Return status and JSON of a request; OSError or ValueError if nothing answers.

    A connection that ends without an answer is made again: a server drops whoever connects and
    then says nothing for a while, as a command does that is stopped there or gets no processor.
    """
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    content = json.dumps(body or {}).encode()
    head = f"{method} /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content)}\r\n\r\n"
    for _ in range(CONNECTIONS):
        status_line, payload = _exchange((name, int(port or 80)), head.encode() + content)
        if len(words := status_line.split(None, 2)) > 1:
            return int(words[1]), json.loads(payload)
    raise ValueError("no HTTP answer")


def _exchange(address: tuple[str, int], request: bytes) -> tuple[bytes, bytes]:
    """Return the head and the body that a server sends, both empty where it only hangs up."""
    with socket.create_connection(address, ANSWER_SECONDS) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.sendall(request)
            with connection.makefile("rb") as file:
                answer = file.read()
        except (ConnectionResetError, BrokenPipeError):
            return b"", b""
    head, _, payload = answer.partition(b"\r\n\r\n")
    return head, payload


def write(path: str, content: str) -> None:
    """Replace a file atomically; the caller is the only one who writes it."""
    beside = f"{path}.new"
    with open(beside, "w") as file:
        file.write(content)
    os.replace(beside, path)


def load(path: str) -> dict[str, Any]:
    """Return the JSON object in a file, empty if there is none."""
    try:
        with open(path) as file:
            content: dict[str, Any] = json.load(file)
            return content
    except FileNotFoundError:
        return {}


def link(folder: str, version: str) -> None:
    """Point `current` at a release, atomically; the caller is the only one who does."""
    beside = os.path.join(folder, "current.new")
    if os.path.islink(beside):  # left by one that was killed
        os.unlink(beside)
    os.symlink(os.path.join("releases", version), beside)
    os.replace(beside, os.path.join(folder, "current"))
