"""What every command needs: how it speaks, how it fails, HTTP and files, with few imports.

An update starts the control script many times, so nothing here imports what takes long to load.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import IO, Any

ANSWER_SECONDS = 3.0
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
    """Return status and JSON of a request; OSError or ValueError if nothing answers."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    content = json.dumps(body or {}).encode()
    head = f"{method} /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((name, int(port or 80)), ANSWER_SECONDS) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(head.encode() + content)
        with connection.makefile("rb") as file:
            answer = file.read()
    head_bytes, _, payload = answer.partition(b"\r\n\r\n")
    words = head_bytes.split(None, 2)
    if len(words) < 2:
        raise ValueError("no HTTP answer")
    return int(words[1]), json.loads(payload)


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
