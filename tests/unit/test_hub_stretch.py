"""Rings and pages: bounds hold, and nothing that is cut is cut wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.log import Page
from streams.stretch import Bounds, PageOf, Ring

TEXTS = st.lists(st.text("aé€", min_size=1, max_size=30), min_size=1, max_size=30)


@given(TEXTS, st.integers(0, 50), st.integers(1, 8), st.integers(1, 200))
def test_batches_make_up_the_whole_and_fit_a_frame(
    texts: list[str], after: int, frame_events: int, frame_bytes: int
) -> None:
    bounds = Bounds(frame_events=frame_events, frame_bytes=frame_bytes)
    stretch = PageOf(Page(after, after + len(texts), "\n".join(texts)), bounds)
    seq = after
    got: list[str] = []
    while seq < stretch.last:
        batch = stretch.batch(seq)
        assert batch.after == seq
        assert 1 <= len(batch.texts) <= frame_events
        size = sum(len(text.encode()) + 1 for text in batch.texts)
        assert size <= frame_bytes or len(batch.texts) == 1
        got += batch.texts
        seq = batch.last
        if seq < stretch.last and len(batch) < frame_events:
            assert size + len(texts[seq - after].encode()) + 1 > frame_bytes, "it had room"
    assert got == texts


@given(st.lists(TEXTS, min_size=1, max_size=12), st.integers(1, 20), st.integers(30, 400))
def test_a_ring_keeps_the_newest_within_its_bounds(
    parts: list[list[str]], ring_events: int, ring_bytes: int
) -> None:
    ring = Ring(7, Bounds(ring_events=ring_events, ring_bytes=ring_bytes))
    whole: list[str] = []
    for part in parts:
        assert ring.extend(7 + len(whole), part)
        whole += part
        assert ring.last == 7 + len(whole)
        kept = whole[ring.after - 7 :]
        assert ring.bytes == sum(len(text.encode()) for text in kept)
        assert len(kept) <= ring_events
        assert ring.bytes <= ring_bytes or len(kept) <= 1
        if kept:
            assert ring.batch(ring.after).texts[0] == kept[0]


def test_what_is_there_already_is_passed_over() -> None:
    ring = Ring(0)
    assert ring.extend(0, ["a", "b"])
    assert not ring.extend(0, ["a", "b"])
    assert ring.extend(1, ["b", "c"])
    assert ring.batch(0).texts == ["a", "b", "c"]


def test_a_ring_takes_no_gap() -> None:
    with pytest.raises(ValueError, match="ends at 0"):
        Ring(0).extend(1, ["b"])


def test_a_page_keeps_the_batches_from_its_start_and_the_newest_other() -> None:
    page = PageOf(Page(10, 18, "\n".join("abcdefgh")), Bounds(frame_events=3))
    batches = [page.batch(seq) for seq in (10, 13, 16)]
    odd = page.batch(11)
    assert odd.texts == ["b", "c", "d"]
    assert page.batch(11) is odd
    assert page.batch(12).texts == ["c", "d", "e"]
    assert page.batch(11) is not odd
    assert all(page.batch(batch.after) is batch for batch in batches)


def test_a_batch_is_made_anew_once_there_is_more() -> None:
    ring = Ring(0)
    ring.extend(0, ["a"])
    assert ring.batch(0) is ring.batch(0)
    ring.extend(1, ["b"])
    assert ring.batch(0).texts == ["a", "b"]
