"""A record: a header that says what the job's log is, then its events' texts. Pure.

Every reader goes through `read_record`: the service, the follower's command and replay tests.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.records.chain import first_hash, link_hash, split_hash
from core.records.redacted import RedactedEvent, parse_redacted
from core.records.texts import encode_line

VERSION = 1
_FORMAT, _CHECK = "reprise_record", "check"
_START = re.compile(r'\{"seq":([0-9]+),"type":"([^"]*)","version":([0-9]+),')


class RecordInvalid(ValueError):
    """This is no record, or it was changed: the line, from 1, and what is wrong with it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"Line {line}: {reason}.")
        self.line, self.reason = line, reason


@dataclass(frozen=True)
class Record:
    """What a record holds; `header` is empty if the file had events only.

    `redacted` has, by seq, the events that are not shown as they were appended.
    """

    header: Mapping[str, Any]
    kind: str
    texts: tuple[str, ...]
    redacted: Mapping[int, RedactedEvent] = field(default_factory=dict)


def make_header(
    job: UUID, texts: Sequence[str], *, reprise: str, **more: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the header of a record of these events, from the first one on.

    `reprise` is the version of Reprise that has the log. `more` are members that not every record
    has: `redactions`, `seal`, `evidence`; those that are None are left out.
    """
    last = split_hash(texts[-1])[1]
    return {
        _FORMAT: VERSION,
        "job": str(job),
        "kind": _kind_of(texts[0]),
        "reprise": reprise,
        "types": event_versions(texts),
        "head": len(texts),
        "hash": last,
        **{name: value for name, value in more.items() if value is not None},
    }


def record_lines(header: Mapping[str, Any], texts: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a record, without their line breaks."""
    yield header_line(header)
    yield from texts


def header_line(header: Mapping[str, Any]) -> str:
    """Return a header as its line: last comes `check`, the SHA-256 of the line without it."""
    members = {name: value for name, value in header.items() if name != _CHECK}
    line = encode_line(members)
    return f'{line[:-1]},"{_CHECK}":"{hashlib.sha256(line.encode()).hexdigest()}"}}'


def event_versions(texts: Iterable[str]) -> dict[str, list[int]]:
    """Return which versions of which types of events there are, both ascending."""
    found: dict[str, set[int]] = {}
    for text in texts:
        if match := _START.match(text):
            found.setdefault(match[2], set()).add(int(match[3]))
    return {type_: sorted(found[type_]) for type_ in sorted(found)}


def read_record(lines: Iterable[str | bytes], job: UUID | None = None) -> Record:
    """Return the record that these lines are; RecordInvalid at the first bad one.

    Lines may end with `\\n`. The events of one job without a header are accepted as well; then
    `job` is the job that they must be of, and without it the first event is taken as it is.
    """
    reader = _Reader(job)
    for number, line in enumerate(lines, 1):
        reader.add_line(number, line)
    return reader.finish()


class _Reader:
    def __init__(self, job: UUID | None) -> None:
        self._header: dict[str, Any] = {}
        self._texts: list[str] = []
        self._redacted: dict[int, RedactedEvent] = {}
        self._previous = first_hash(job) if job else None
        self._line = 0

    def add_line(self, number: int, line: str | bytes) -> None:
        self._line = number
        text = self._decode(line)
        if number == 1 and not text.startswith('{"seq":'):
            self._header = self._read_header(text)
            self._previous = first_hash(UUID(self._header["job"]))
        else:
            self._add_event(text)

    def finish(self) -> Record:
        if not self._texts:
            raise RecordInvalid(self._line + 1, "there are no events")
        if self._header:
            self._compare_header()
        kind = self._header.get("kind") or _kind_of(self._texts[0])
        return Record(self._header, kind, tuple(self._texts), self._redacted)

    def _decode(self, line: str | bytes) -> str:
        try:
            return (line.decode() if isinstance(line, bytes) else line).removesuffix("\n")
        except UnicodeDecodeError:
            raise self._invalid("this is not UTF-8") from None

    def _read_header(self, text: str) -> dict[str, Any]:
        try:
            members = json.loads(text)
            version = members[_FORMAT]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise self._invalid("this is neither the header of a record nor an event") from None
        if version != VERSION:
            raise self._invalid(f"this is a record of version {version}, not {VERSION}")
        if not _is_sound(members, text):
            raise self._invalid("the header was changed: it is not what its check says")
        return dict(members)

    def _add_event(self, text: str) -> None:
        seq = len(self._texts) + 1
        if self._header and seq > self._header["head"]:
            raise self._invalid(f"the header says that event {self._header['head']} is the last")
        digest = self._link(seq, text) or self._link_redacted(seq, text)
        if digest is None:
            raise self._invalid(_why_not_next(seq, text))
        self._previous = digest
        self._texts.append(text)

    def _link(self, seq: int, text: str) -> bytes | None:
        if self._previous is not None:
            return link_hash(self._previous, seq, text)
        # The first event of a job that is not known.
        if not text.startswith('{"seq":1,') or parse_redacted(seq, text):
            return None
        try:
            return bytes.fromhex(split_hash(text)[1])
        except ValueError:
            return None

    def _link_redacted(self, seq: int, text: str) -> bytes | None:
        found = parse_redacted(seq, text) if "redactions" in self._header else None
        if found is None:
            return None
        self._redacted[seq] = found
        return bytes.fromhex(found.hash)

    def _compare_header(self) -> None:
        header, texts = self._header, self._texts
        if len(texts) < header["head"]:
            said = f"event {len(texts) + 1} is missing: the header says that {header['head']}"
            raise RecordInvalid(self._line + 1, f"{said} is the last")
        actual = {
            "hash": split_hash(texts[-1])[1], "kind": _kind_of(texts[0]),
            "types": event_versions(texts),
        }  # fmt: skip
        if "redactions" in header and not self._counts_agree(header["redactions"]):
            raise RecordInvalid(1, "the header's redactions are not those of the events")
        for name, value in actual.items():
            if header[name] != value:
                said = f"the header's {name} is {header[name]}, not {value}"
                raise RecordInvalid(1, f"{said}, as the events have it")

    def _counts_agree(self, redactions: Any) -> bool:
        values = sum(len(one.values) for one in self._redacted.values())
        counts = {"events": len(self._redacted), "values": values}
        return isinstance(redactions, dict) and counts.items() <= redactions.items()

    def _invalid(self, reason: str) -> RecordInvalid:
        return RecordInvalid(self._line, reason)


def _is_sound(members: Mapping[str, Any], line: str) -> bool:
    """Return whether `header_line` made this line, of members that can be of a record."""
    try:
        job, head, hash = members["job"], members["head"], members["hash"]
        known = str(UUID(job)) == job and type(head) is int and head > 0 and isinstance(hash, str)
        return known and line == header_line(members)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _why_not_next(seq: int, text: str) -> str:
    match = _START.match(text)
    if match is None:
        return f"this is not event {seq}, nor any other" if text else "this line is empty"
    claimed = int(match[1])
    if claimed < seq:
        return f"this is event {claimed} again, not event {seq}"
    if claimed > seq:
        return f"event {seq} is missing: this is event {claimed}"
    return (
        f"event {seq} was changed, or is another job's: its hash is not that of its text and the"
        " event before"
    )


def _kind_of(first: str) -> str:
    """Return the kind of the job that this event submits."""
    try:
        return str(json.loads(first)["data"]["kind"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RecordInvalid(2, "event 1 does not say what kind of job it submits") from None
