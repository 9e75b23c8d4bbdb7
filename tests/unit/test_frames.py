"""Ready-made WebSocket frames: right to the byte, made once, and never ahead of what waits."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from streams.server import daphne_frames, websocket_frames


class Transport:
    """A Twisted transport's part in this: the kernel takes `room` bytes."""

    TLS = False
    connected = True
    disconnecting = False
    _tempDataLen = 0  # noqa: N815 - Twisted's name

    def __init__(self, room: int) -> None:
        self.dataBuffer = b""
        self.kernel = b""
        self.room = room

    def writeSomeData(self, data: bytes) -> int | Exception:
        self.kernel += data[: self.room]
        return len(data[: self.room])

    def write(self, data: bytes) -> None:
        self.dataBuffer += data


class Socket:
    def __init__(self, transport: Transport) -> None:
        self.transport = transport


class Lost(Transport):
    def writeSomeData(self, data: bytes) -> int | Exception:
        return ConnectionError()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 300_000])
def test_a_frame_is_what_a_client_reads_as_that_text(size: int) -> None:
    text = "é" * (size // 2) + "x" * (size % 2)
    client = Protocol(Side.CLIENT, state=OPEN, max_size=None)
    client.receive_data(websocket_frames.Frames().of(text))
    [frame] = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data).decode()) == (Opcode.TEXT, True, text)


def test_all_who_are_sent_the_same_text_share_its_frame() -> None:
    kept = websocket_frames.Frames()
    texts = [f"text {number}" for number in range(websocket_frames.KEPT)]
    made = [kept.of(text) for text in texts]
    assert all(kept.of(text) is frame for text, frame in zip(texts, made, strict=True))


def test_texts_that_are_over_are_not_kept() -> None:
    kept = websocket_frames.Frames()
    first = kept.of(text := "text of long ago")
    for number in range(websocket_frames.KEPT):
        kept.of(f"text {number}")
    assert kept.of(text) == first
    assert kept.of(text) is not first


def test_the_kernel_gets_a_frame_at_once() -> None:
    transport = Transport(room=100)
    assert daphne_frames.write_frame(Socket(transport), b"frame")
    assert (transport.kernel, transport.dataBuffer) == (b"frame", b"")


def test_what_the_kernel_does_not_take_waits() -> None:
    transport = Transport(room=2)
    assert not daphne_frames.write_frame(Socket(transport), b"frame")
    assert (transport.kernel, transport.dataBuffer) == (b"fr", b"ame")


def test_nothing_passes_what_waits() -> None:
    transport = Transport(room=2)
    daphne_frames.write_frame(Socket(transport), b"one")
    transport.room = 100
    assert not daphne_frames.write_frame(Socket(transport), b"two")
    assert (transport.kernel, transport.dataBuffer) == (b"on", b"etwo")


@pytest.mark.parametrize(
    ("name", "value"),
    [("TLS", True), ("connected", False), ("disconnecting", True), ("_tempDataLen", 1)],
)
def test_a_transport_that_has_its_own_way_keeps_it(name: str, value: object) -> None:
    transport = Transport(room=100)
    setattr(transport, name, value)
    assert not daphne_frames.write_frame(Socket(transport), b"frame")
    assert (transport.kernel, transport.dataBuffer) == (b"", b"frame")


def test_a_lost_connection_is_left_to_the_reactor() -> None:
    transport = Lost(room=0)
    assert not daphne_frames.write_frame(Socket(transport), b"frame")
    assert transport.dataBuffer == b"frame"
