"""An incremental parser of `text/event-stream`: bytes in, however they are split, messages out."""

from __future__ import annotations

from dataclasses import dataclass

from streams.client.errors import BadFrame

# Far above any event: a body that never ends a line is no event stream.
LONGEST_LINE = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Message:
    """One dispatched message; its data as bytes, since an event's bytes are what counts."""

    event: str
    data: bytes
    id: str


class SseParser:
    """Parses as the WHATWG HTML standard (9.2.6) says; an unfinished message is discarded."""

    def __init__(self) -> None:
        #: The reconnection time in ms that the stream last set by `retry:`.
        self.retry_ms: int | None = None
        self._rest = b""
        self._after_cr = self._begun = False
        self._data: list[bytes] = []
        self._event = ""
        self._id = ""

    def push(self, chunk: bytes) -> list[Message]:
        """Take the next bytes; return the messages they complete. BadFrame for a giant line."""
        messages: list[Message] = []
        for line in self._split_lines(chunk):
            if line:
                self._take_field(line)
            elif self._data:
                name = self._event or "message"
                messages.append(Message(name, b"\n".join(self._data), self._id))
                self._data, self._event = [], ""
            else:
                self._event = ""
        if len(self._rest) > LONGEST_LINE:
            raise BadFrame("A line of a stream that does not end.")
        return messages

    def _split_lines(self, chunk: bytes) -> list[bytes]:
        if not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the CR before ended the line already
        self._after_cr = chunk.endswith(b"\r")
        text = self._rest + chunk
        if not self._begun:
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._rest = text
                return []
            self._begun, text = True, text.removeprefix(_BOM)
        *lines, self._rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return lines

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value)
            case b"event":
                self._event = value.decode(errors="replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode(errors="replace")
            case b"retry" if value.isdigit():
                self.retry_ms = int(value)
