"""What a bench's event says of itself, so that a reader of any wire format can count and name it.

Each event's text carries `=@=` and then its number in six digits. Nothing else in an event, in a
frame's header or in a request has those three bytes, so counting them needs no parser: what
followers cost the machine must not hide what servers cost it.
"""

from __future__ import annotations

import random

MARK = b"=@="
DIGITS = 6


def text(number: int, size: int) -> str:
    """Return the output of the event of this number, of so many bytes."""
    return f"{MARK.decode()}{number % 10**DIGITS:0{DIGITS}} ".ljust(size, "x")


LINES = (
    "Get:{a} http://deb.example.org/debian bookworm/main amd64 lib{word} {b}.{c}-{b} [{d} kB]\n",
    "Unpacking {word} ({b}.{c}) over ({b}.{a}) ...\n",
    "2026-11-22 09:{a:02}:{c:02},{d:03} INFO  [worker-{b}] request {e:08x} took {d} ms\n",
    "{a}% [{word}] {d} kB/s ETA {c} s\n",
)
WORDS = ("openssl", "curl", "nginx", "postgresql-15", "python3.11", "xml2", "zstd")


def printed(number: int, size: int) -> str:
    """Return the same with what commands print, which compresses as that does."""
    chance = random.Random(number)
    found = text(number, 0)
    while len(found) < size:
        a, c = chance.randrange(60), chance.randrange(60)
        b, d, e = chance.randrange(9), chance.randrange(1000), chance.randrange(10**8)
        found += chance.choice(LINES).format(a=a, b=b, c=c, d=d, e=e, word=chance.choice(WORDS))
    return found[:size]


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the events' numbers, in digits, and what to put before the bytes that come next."""
    pieces = data.split(MARK)
    last = pieces[-1]
    if len(pieces) > 1 and len(last) < DIGITS:
        return _digits(pieces[1:-1]), MARK + last
    return _digits(pieces[1:]), begun(last)


def begun(data: bytes) -> bytes:
    """Return how much of a mark these bytes end with."""
    return next((part for part in (MARK[:2], MARK[:1]) if data.endswith(part)), b"")


def _digits(pieces: list[bytes]) -> list[bytes]:
    return [piece[:DIGITS] for piece in pieces]
