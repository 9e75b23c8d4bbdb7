"""The demo game server: the program inside every release archive, run from `<folder>/current`.

It needs nothing but the standard library and keeps nothing running while nobody asks: players are
a function of time, connections are threads that live for one request. Its release is the folder
that it was started from, so `/version` tells what really runs, not what is on disk by now.

    GET /version            {"version","started_at","pid","restarts"}
    GET /healthz            200 {"status":"ok"}, else 503 {"status":"...","detail":"..."}
    GET /players            {"players","draining"}
    GET|POST|DELETE /drain  the same; POST starts a drain, DELETE (or POST /undrain) ends it

A drain outlives the process (the file `draining` in the server's folder), as an operator who takes
a server out of service expects. Usage: `server.py NAME PORT FOLDER RESTARTS SPEED PARENT`; it ends
when PARENT is not its parent any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from socketserver import StreamRequestHandler, ThreadingTCPServer
from time import monotonic
from typing import Any

WARM_UP_SECONDS = 0.8  # a started server loads its maps for so long, and is not healthy before
DRAIN_SECONDS = 2.4  # a full server is empty after so long
FILL_SECONDS = 12.0  # and full again after so long
REQUEST_SECONDS = 5.0  # a client that sends nothing is dropped

Answer = tuple[int, dict[str, Any]]


class Lobby:
    """The players of one server, computed when asked: join while it is open, leave in a drain."""

    def __init__(
        self, seats: int, speed: float, marker: str, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seats, self._speed, self._marker = seats, speed, marker
        self._clock = clock
        self._lock = threading.Lock()
        self.draining = os.path.exists(marker)
        self._base, self._since = 0, clock()

    def players(self) -> int:
        """Return how many are playing at this moment."""
        passed = (self._clock() - self._since) * self._speed
        if self.draining:
            return max(0, self._base - int(passed * self._seats / DRAIN_SECONDS))
        return min(self._seats, self._base + int(passed * self._seats / FILL_SECONDS))

    def drain(self, on: bool) -> None:
        """Begin or end a drain; doing it twice changes nothing."""
        with self._lock:
            if on == self.draining:
                return
            if on:
                open(self._marker, "w").close()
            elif os.path.exists(self._marker):
                os.unlink(self._marker)
            self._base, self._since, self.draining = self.players(), self._clock(), on

    def as_dict(self) -> dict[str, Any]:
        """Return what `/players` and `/drain` answer."""
        return {"players": self.players(), "draining": self.draining}


class Game:
    """One running server: its release, its lobby and what it answers."""

    def __init__(self, name: str, folder: str, restarts: int, speed: float) -> None:
        self._home = os.path.dirname(os.path.realpath(__file__))
        with open(os.path.join(self._home, "release.json")) as file:
            self._release: dict[str, Any] = json.load(file)
        self._healthy_at = monotonic() + WARM_UP_SECONDS / speed
        self.identity = {
            "version": self._release["version"],
            "started_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "pid": os.getpid(),
            "restarts": restarts,
        }
        seats = 8 + sum(name.encode()) % 9
        self.lobby = Lobby(seats, speed, os.path.join(folder, "draining"))

    def health(self) -> Answer:
        """Return 200 once the maps are loaded and all there."""
        if monotonic() < self._healthy_at:
            return 503, {"status": "starting", "detail": "loading maps"}
        for name in self._release["maps"]:
            if not os.path.exists(os.path.join(self._home, "maps", name + ".map")):
                return 503, {"status": "broken", "detail": f"map {name} is missing"}
        return 200, {"status": "ok"}

    def answer(self, method: str, path: str) -> Answer:
        """Return status and body for one request."""
        match method, path:
            case "GET", "/version":
                return 200, self.identity
            case "GET", "/healthz":
                return self.health()
            case (("POST" | "DELETE"), "/drain"):
                self.lobby.drain(method == "POST")
            case "POST", "/undrain":
                self.lobby.drain(False)
            case "GET", ("/drain" | "/players"):
                pass
            case _:
                return 404, {"error": f"nothing at {method} {path}"}
        return 200, self.lobby.as_dict()


class Listener(ThreadingTCPServer):
    """One thread a connection, one request a connection."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    game: Game


class Request(StreamRequestHandler):
    """Reads one HTTP request and answers it; the body of a request carries nothing here."""

    timeout = REQUEST_SECONDS
    server: Listener

    def handle(self) -> None:
        """Answer, or drop what is no HTTP request."""
        try:
            words = self.rfile.readline(4096).decode("latin-1").split()
            length = 0
            while (line := self.rfile.readline(4096)).strip():
                key, _, value = line.partition(b":")
                if key.strip().lower() == b"content-length":
                    length = int(value)
            self.rfile.read(min(length, 65536))
            if len(words) == 3:
                self._send(*self.server.game.answer(words[0], words[1].partition("?")[0]))
        except (OSError, ValueError):
            return

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not now'}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self.wfile.write(head.encode() + content)


def stop(*_: object) -> None:
    """End at once: a game server has nothing to put away."""
    os._exit(0)


def main(name: str, port: str, folder: str, restarts: str, speed: str, parent: str) -> None:
    """Serve until a signal says otherwise."""
    if os.getppid() != int(parent):
        sys.exit("the supervisor is gone")  # it died before the parent-death signal was set
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    game = Game(name, folder, int(restarts), float(speed))
    with Listener(("127.0.0.1", int(port)), Request) as listener:
        listener.game = game
        listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # a log on a full disk keeps nobody from playing
            message = f"{game.identity['started_at']} {name} {game.identity['version']} serves"
            print(message, flush=True)
        listener.serve_forever(poll_interval=60)


if __name__ == "__main__":
    main(*sys.argv[1:])
