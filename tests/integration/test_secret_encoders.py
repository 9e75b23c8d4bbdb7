"""Masking held against the encoders that programs really use, however their output is cut."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import cycle, islice

import pytest

from jobs.secrets import MASK
from jobs.secrets.masking import Masks, Stream
from tests.support.encoders import ENCODERS, leaks

SECRETS = (
    "hunter2!",
    "c0rrect h'rse/b&ttery \"é€😀x+y <z>",
    "C:\\new\\%41&amp;'\"it's\\u0041$(x)`",
    "пароль и ключ",
    "a=b&c=d?e/f+g~" * 9,
)
BEFORE, AFTER = "is: ", " so\n"


def reported(masks: Masks, *pieces: str) -> str:
    stream = Stream(masks)
    return "".join([*map(stream.feed, pieces), stream.close()])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_real_encoders_make_of_a_secret_is_masked(encoder: str) -> None:
    for secret in SECRETS:
        check(encoder, secret)


def check(encoder: str, secret: str) -> None:
    encoded = ENCODERS[encoder](secret)
    masks = Masks([secret])
    # A dump's rows begin lines; everything else may stand in the midst of one.
    before = "\n" if encoder.startswith(("xxd", "od", "hexdump")) else BEFORE
    text = before + encoded + AFTER
    masked = reported(masks, text)
    assert masked.startswith(before)
    assert masked.endswith(AFTER)
    assert masked.count(MASK) == 1
    assert leaks(secret, masked[len(before) : -len(AFTER)].replace(MASK, " ")) == []
    assert reported(masks, *text) == masked
    for at in range(0, len(text), 1 + len(text) // 12):
        assert reported(masks, text[:at], text[at:]) == masked


def pieces(text: str, number: int) -> Iterator[str]:
    """Cut a text into pieces of 1 to 12 characters; each number begins at another length."""
    at = 0
    for size in islice(cycle(range(1, 13)), number % 12, None):
        if at >= len(text):
            return
        yield text[at : at + size]
        at += size


def test_a_key_is_masked_line_by_line_and_as_a_whole() -> None:
    body = base64.encodebytes(bytes(range(256))).decode()
    key = f"-----BEGIN KEY-----\n{body}-----END KEY-----\n"
    masks = Masks([key])
    for number, (encoder, encode) in enumerate(ENCODERS.items()):
        masked = reported(masks, "\n", *pieces(encode(key), number), "\n")
        assert leaks(key, masked.replace(MASK, " ")) == [], (encoder, masked)
