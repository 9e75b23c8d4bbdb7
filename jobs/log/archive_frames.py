"""Reading archives, a frame at a time: at most 1,000 events of one job, decompressed as a whole.

Needs no database and nothing of `jobs.log`, which reads archived events through this module.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

import zstandard
from cachetools import LRUCache, cached
from django.core.files.storage import Storage, storages

from core.errors import RepriseError

ALIAS = "archive"
MOST_EVENTS = 1000
MOST_BYTES = 1024 * 1024  # of text; the event that crosses it is the frame's last
LONGEST = 64 * 1024 * 1024  # with a header that has all of a job's parameters and plan
LEVEL = 9
MARK = '{"reprise_export":'
KEPT_BYTES = 16 * 1024 * 1024


class Damaged(RepriseError):
    """An archive is not what was written: restore its file from a backup."""


class Place(NamedTuple):
    """Where a job's events `first`..`last` are: `length` bytes from `offset` of the file `name`."""

    name: str
    first: int
    last: int
    offset: int
    length: int


def archive_storage() -> Storage:
    """Return where archives are: `STORAGES["archive"]`."""
    return storages[ALIAS]


def read_frame(place: Place) -> bytes:
    """Return a frame as it is stored. Raises FileNotFoundError, and OSError while it is away."""
    where = archive_storage()
    # Object stores need not fetch a whole month for one page.
    if (read_range := getattr(where, "read_range", None)) is not None:
        found: bytes = read_range(place.name, place.offset, place.length)
        return found
    with where.open(place.name, "rb") as file:
        file.seek(place.offset)
        return bytes(file.read(place.length))


def unpack_frame(place: Place, packed: bytes) -> tuple[str | None, list[str]]:
    """Return a frame's header (of a job's first frame) and its events' texts; Damaged."""
    try:
        if zstandard.frame_content_size(packed) > LONGEST:  # -1 where it does not say
            raise Damaged(f"{place.name}: the frame at {place.offset} is larger than any of ours")
        lines = zstandard.ZstdDecompressor().decompress(packed).decode().split("\n")
    except (zstandard.ZstdError, UnicodeDecodeError) as error:
        raise Damaged(f"{place.name}: the frame at {place.offset} is damaged: {error}") from error
    header = lines.pop(0) if lines[0].startswith(MARK) else None
    whole = lines.pop() == "" and len(lines) == place.last - place.first + 1
    if not whole or not lines[0].startswith(f'{{"seq":{place.first},'):
        raise Damaged(f"{place.name}: at {place.offset} is not what is listed there")
    return header, lines


@cached(LRUCache(KEPT_BYTES, getsizeof=lambda lines: sum(map(len, lines))), lock=Lock())
def frame_texts(place: Place) -> list[str]:
    """Return a frame's events, from memory if it was read a moment ago (by any thread)."""
    _header, lines = unpack_frame(place, read_frame(place))
    return lines
