"""Leaving values out of a record: its structure stays, and what was left out can be proved.

Each value that is left out is replaced by one of its type, and the event gets a commitment to it:
the SHA-256 of `[salt, seq, pointer, value]` with a random salt, as SD-JWT (RFC 9901) has it. Who
has salt and value can show that they are what was left out. Pure, but for the salts.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.records.pointers import join_pointer
from core.records.redacted import redacted_text
from core.records.spans import MASK, REDACTED, Span, cover_spans, find_spans
from core.records.texts import encode_line

Path = tuple[str | int, ...]

# Members of `data` that order, fold and replay of a log depend on.
_STRUCTURE = frozenset(
    {
        "kind", "total", "done", "failed", "try", "occurrence", "gate", "signal", "until", "for",
        "extended", "place", "waits", "targets", "retry_of", "at",
    }
)  # fmt: skip
_PLAN_STRUCTURE = frozenset({"steps", "groups"})


class RedactionRefused(ValueError):
    """What is to be left out would change a log's structure, or cannot be left out."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A value that was left out, and the salt of the commitment to it."""

    seq: int
    pointer: str
    salt: str
    value: Any

    @property
    def commitment(self) -> str:
        """What the record has instead of the value."""
        text = encode_line([self.salt, self.seq, self.pointer, self.value])
        return hashlib.sha256(text.encode()).hexdigest()

    def line(self) -> str:
        """Return the disclosure as a line of JSON."""
        members = {name: getattr(self, name) for name in ("seq", "pointer", "salt", "value")}
        return encode_line(members)


@dataclass(frozen=True)
class Redacted:
    """Texts with values left out, what these were, and what the header says of it."""

    texts: list[str]
    disclosures: list[Disclosure]
    header: Mapping[str, Any]


class Redaction:
    """What to leave out of a record.

    `fields` are JSON pointers into an event, below `/data`, in which `*` stands for any one member
    or item; what is below them goes as well. `texts` are left out wherever they stand in a value,
    output that was cut into several events included; with `masked`, so are whole texts in which
    the service has masked a secret. Raises RedactionRefused for a pointer that names structure.
    """

    def __init__(
        self, fields: Sequence[str] = (), texts: Iterable[str] = (), *, masked: bool = False
    ) -> None:
        self._fields = [_parse_field(field) for field in fields]
        self._texts = sorted({text for text in texts if text}, key=len, reverse=True)
        self._masked = masked
        self._said = {"fields": list(fields), "texts": len(self._texts), "masked": masked}

    def __bool__(self) -> bool:
        return bool(self._fields or self._texts or self._masked)

    def apply(self, texts: Sequence[str]) -> Redacted:
        """Return the events of a whole log without what is to be left out.

        Raises RedactionRefused where one of the texts stands in a name that has to stay.
        """
        events: list[dict[str, Any]] = [json.loads(text) for text in texts]
        across = self._spans_of_output(events)
        items: dict[Path, int] = defaultdict(int)
        shown, disclosures = list[str](), list[Disclosure]()
        for text, event in zip(texts, events, strict=True):
            found = _EventRedaction(self, event, across.get(event["seq"], []), items)
            shown.append(found.text() or text)
            disclosures += found.disclosures
        events_changed = len({one.seq for one in disclosures})
        counts = {"events": events_changed, "values": len(disclosures)}
        return Redacted(shown, disclosures, {**self._said, **counts})

    def is_named(self, path: Path) -> bool:
        """Return whether a value's path in `data` is at or below one of the fields."""
        return any(_matches(field, path) for field in self._fields)

    def spans_in(self, text: str) -> list[Span]:
        """Return which parts of a text are to be left out, whatever its path."""
        if self._masked and MASK in text:
            return [(0, len(text))]
        return find_spans(text, self._texts)

    def is_one(self, number: float) -> bool:
        """Return whether a number, as JSON has it, is one of the texts."""
        return bool(self._texts) and json.dumps(number) in self._texts

    def _spans_of_output(self, events: Iterable[Mapping[str, Any]]) -> dict[int, list[Span]]:
        """Return, by seq, the parts of steps' output that a text stands in across events."""
        if not self._texts:
            return {}
        chunks: dict[tuple[Any, ...], list[tuple[int, str]]] = defaultdict(list)
        for event in events:
            if event["type"] == "step.output":
                data = event["data"]
                stream = (event.get("step"), event.get("target"), data.get("stream"))
                chunks[stream].append((event["seq"], str(data.get("text", ""))))
        found: dict[int, list[Span]] = {}
        for stream_chunks in chunks.values():
            found |= dict(_spans_by_chunk(stream_chunks, self._texts))
        return found


class _EventRedaction:
    """One event, read from its text; what is left out of it is replaced in place."""

    def __init__(
        self, rules: Redaction, event: dict[str, Any], output: list[Span], items: dict[Path, int]
    ) -> None:
        self.disclosures: list[Disclosure] = []
        self._rules, self._event, self._output, self._items = rules, event, output, items
        self._seq: int = event["seq"]

    def text(self) -> str | None:
        """Return the event's text; None if nothing was left out of it."""
        if "redacted" in self._event:
            raise RedactionRefused(f"Event {self._seq} is redacted already: take the original.")
        for name in ("actor", "step", "target"):
            self._refuse_kept(self._event.get(name), name)
        members = {name: value for name, value in self._event.items() if name != "hash"}
        members["data"] = self._replaced(self._event["data"], (), ())
        if not self.disclosures:
            return None
        commitments = {one.pointer: one.commitment for one in self.disclosures}
        return redacted_text(members, commitments, self._event["hash"])

    def _replaced(self, value: Any, path: Path, place: Path) -> Any:
        """Return a value without what is to be left out.

        `path` is where it stands in this event's data, `place` where it belongs: the items of
        `job.extended` belong to lists of the event that they complete.
        """
        match value:
            case dict():
                for name in value:
                    self._refuse_kept(name, f"name of a member of {join_pointer(('data', *path))}")
                if self._is_part(path, value):
                    return {**value, "items": self._replaced_items(value, path)}
                return {
                    name: self._replaced(one, (*path, name), (*place, name))
                    for name, one in value.items()
                }
            case list():
                return [
                    self._replaced(one, (*path, number), (*place, number))
                    for number, one in enumerate(value)
                ]
        return self._replaced_leaf(value, path, place)

    def _is_part(self, path: Path, value: Mapping[str, Any]) -> bool:
        of_extension = self._event["type"] == "job.extended" and path[:1] == ("parts",)
        return of_extension and len(path) == 2 and {"at", "items"} <= value.keys()

    def _replaced_items(self, part: Mapping[str, Any], path: Path) -> list[Any]:
        at: Path = tuple(part["at"])
        first = self._items[at]
        self._items[at] += len(part["items"])
        return [
            self._replaced(one, (*path, "items", number), (*at, first + number))
            for number, one in enumerate(part["items"])
        ]

    def _replaced_leaf(self, value: Any, path: Path, place: Path) -> Any:
        if value is None:
            return None
        if _is_structure(place):
            self._refuse_kept(value, join_pointer(("data", *path)))
            return value
        shown = self._shown(value, path, place)
        if shown is not ...:
            pointer = join_pointer(("data", *path))
            self.disclosures.append(Disclosure(self._seq, pointer, secrets.token_hex(16), value))
            return shown
        return value

    def _shown(self, value: Any, path: Path, place: Path) -> Any:
        """Return what is shown instead of a value; `...` if it stays."""
        named = self._rules.is_named(place)
        if isinstance(value, str):
            spans = self._rules.spans_in(value)
            if self._event["type"] == "step.output" and path == ("text",):
                spans = sorted([*spans, *self._output])
            if named:
                return REDACTED
            return cover_spans(value, spans) if spans else ...
        if named or (not isinstance(value, bool) and self._rules.is_one(value)):
            return type(value)()  # 0, 0.0 or false
        return ...

    def _refuse_kept(self, value: Any, where: str) -> None:
        if isinstance(value, str) and self._rules.spans_in(value):
            said = f"Event {self._seq}: a text that is to be left out stands in its {where}"
            raise RedactionRefused(f"{said}, which has to stay.")


def _parse_field(pointer: str) -> Path:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]
    if parts[:2] != ["", "data"] or len(parts) < 3:
        raise RedactionRefused(f"{pointer!r} is no pointer into an event's data: /data/params/key")
    path = tuple(parts[2:])
    if _is_structure(path):
        raise RedactionRefused(f"{pointer} is part of the log's structure, which has to stay.")
    return path


def _is_structure(path: Path) -> bool:
    in_plan = path[:1] == ("plan",) and path[1:2] and path[1] in _PLAN_STRUCTURE
    return bool(path and path[0] in _STRUCTURE) or bool(in_plan)


def _matches(field: Path, path: Path) -> bool:
    return len(field) <= len(path) and all(
        part in ("*", str(one)) for part, one in zip(field, path, strict=False)
    )


def _spans_by_chunk(
    chunks: Sequence[tuple[int, str]], texts: Sequence[str]
) -> Iterator[tuple[int, list[Span]]]:
    """Yield, for each chunk of one text that something is found in, its seq and the spans."""
    spans = iter(find_spans("".join(text for _seq, text in chunks), texts))
    pending = list(islice(spans, 1))
    start = 0
    for seq, text in chunks:
        end, found = start + len(text), list[Span]()
        while pending and pending[0][0] < end:
            found.append((max(pending[0][0], start) - start, min(pending[0][1], end) - start))
            if pending[0][1] > end:
                break
            pending = list(islice(spans, 1))
        if found:
            yield seq, found
        start = end
