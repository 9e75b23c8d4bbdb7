"""Shared deflate blocks: every follower reads what was sent, however it came to its place."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from streams import wire
from streams.deflate import CONTEXT_BYTES, EMPTY_BLOCK, MOST_BYTES, GzipStream, SharedDeflate
from streams.server.websocket_frames import SocketDeflate

LINES = [f"Unpacking lib{name}-dev:amd64 (1.{name}.2-3) …\n" for name in range(200)]


def texts_of(seed: int, count: int = 30) -> list[str]:
    """Return frames as they come on streams, of all sizes."""
    chance = random.Random(seed)
    sizes = [0, 1, 3, 5, 20, 100, 2000]
    return [
        wire.JOB_EVENTS + "".join(chance.choices(LINES, k=chance.choice(sizes)))
        for _ in range(count)
    ]


def client(bits: int, *, takeover: bool) -> Protocol:
    """Return a client's end that agreed on these terms."""
    reading = PerMessageDeflate(
        remote_no_context_takeover=not takeover, local_no_context_takeover=True,
        remote_max_window_bits=bits, local_max_window_bits=15,
    )  # fmt: skip
    made = Protocol(Side.CLIENT, state=OPEN, max_size=None)
    made.extensions = [reading]
    return made


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize("bits", [12, 15])
@pytest.mark.parametrize("seed", range(5))
def test_followers_that_missed_some_texts_read_the_rest(
    seed: int, bits: int, takeover: bool
) -> None:
    chance = random.Random(seed)
    followers = [
        (client(bits, takeover=takeover), SocketDeflate(bits, takeover=takeover)) for _ in range(4)
    ]
    for text in texts_of(seed):
        for reading, writing in followers:
            if chance.random() < 0.2:
                continue
            frame = writing.frame(text)
            assert (frame is None) == (len(text) > MOST_BYTES)
            if frame is not None:
                reading.receive_data(frame)
                [got] = reading.events_received()
                assert isinstance(got, Frame)
                assert (got.opcode, bytes(got.data).decode()) == (Opcode.TEXT, text)


def test_followers_of_the_same_texts_share_frames() -> None:
    one, other = SocketDeflate(15, takeover=True), SocketDeflate(15, takeover=True)
    for text in texts_of(1):
        assert one.frame(text) is other.frame(text)


def test_a_follower_that_came_later_shares_frames_once_it_had_what_blocks_refer_to() -> None:
    one, other = SocketDeflate(15, takeover=True), SocketDeflate(15, takeover=True)
    texts = [f"{wire.JOB_EVENTS}{number} {''.join(LINES[:50])}" for number in range(40)]
    one.frame(texts[0])
    shared = [one.frame(text) is other.frame(text) for text in texts[1:]]
    needed = CONTEXT_BYTES // len(texts[0]) + 1
    assert all(shared[needed:])


@pytest.mark.parametrize(
    "text", ['{"kind":"events","events":[{"position":1,"title":"A secret"}]}', '{"kind":"hello"}']
)
def test_only_events_of_one_job_are_compressed(text: str) -> None:
    assert SocketDeflate(15, takeover=True).frame(text) is None


def test_a_text_like_the_one_before_is_small() -> None:
    shared = SharedDeflate()
    text = "".join(LINES[:10])
    assert len(shared.compress(text, text.encode()).data) < len(text) / 20


@pytest.mark.parametrize("seed", range(5))
def test_a_gzip_stream_can_be_read_part_by_part_and_as_a_whole(seed: int) -> None:
    stream, reading = GzipStream(SharedDeflate()), zlib.decompressobj(31)
    whole, plain = b"", b""
    for text in ["padding", *texts_of(seed)]:
        made = stream.add(text.encode())
        assert reading.decompress(made).decode() == text
        whole, plain = whole + made, plain + text.encode()
    whole += stream.end()
    assert gzip.decompress(whole) == plain


def test_an_empty_gzip_stream_is_whole() -> None:
    assert gzip.decompress(GzipStream(SharedDeflate()).end()) == b""


def test_the_first_part_is_not_made_smaller() -> None:
    padding = b"." * 2048
    assert padding in GzipStream(SharedDeflate()).add(padding)


def test_blocks_end_on_a_byte() -> None:
    assert SharedDeflate().compress("text " * 100).data.endswith(EMPTY_BLOCK)
