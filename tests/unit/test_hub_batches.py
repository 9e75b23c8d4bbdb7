"""Rings and pages: bounds hold, and nothing that is cut is cut wrongly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.log import Page
from streams.hub.batches import Bounds, PageBatches, Ring
from streams.hub.pacing import FrameSize
from streams.wire import Events

TEXTS = st.lists(st.text("aé€", min_size=1, max_size=30), min_size=1, max_size=30)


@given(TEXTS, st.integers(0, 50), st.data())
def test_frames_make_up_the_whole_and_fit(
    texts: list[str], after: int, data: st.DataObject
) -> None:
    whole = st.integers(1, 200)
    bounds = Bounds(
        frame_events=data.draw(st.integers(1, 8)),
        frame_bytes=data.draw(whole), block_bytes=data.draw(whole),
    )  # fmt: skip
    page = PageBatches(Page(after, after + len(texts), "\n".join(texts)), bounds)
    assert page.bytes == sum(len(text.encode()) + 1 for text in texts) - 1
    ring = Ring(after, bounds)
    ring.extend(after, texts)
    for stretch in (page, ring):
        seq = after + data.draw(st.integers(0, len(texts) - 1))
        rest = texts[seq - after :]
        got: list[str] = []
        while seq < stretch.last:
            room = data.draw(st.none() | whole)
            batch = stretch.batch(seq, room)
            assert (batch.after, len(batch.texts)) == (seq, len(batch))
            assert 1 <= len(batch) <= bounds.frame_events
            size = sum(len(text.encode()) + 1 for text in batch.texts)
            block = min(bounds.block_bytes, bounds.frame_bytes)
            assert size <= min(max(room or 200, block), bounds.frame_bytes) or len(batch) == 1
            got += batch.texts
            seq = batch.last
        assert got == rest


def page_of_blocks(count: int) -> PageBatches:
    """Return a page with one event a block, seqs 1, 2, 3 …; a frame has 16 at most."""
    bounds = Bounds(frame_bytes=32, block_bytes=2)
    return PageBatches(Page(0, count, "\n".join("x" * count)), bounds)


def frames_of(page: PageBatches, seq: int) -> list[Events]:
    """Return the frames that a follower gets who takes each quickly."""
    pace, found = FrameSize(2, 32), list[Events]()
    while seq < page.last:
        found.append(page.batch(seq, pace.room))
        seq = found[-1].last
        pace.took(len(found[-1].lines), 0.0)
    return found


def test_frames_grow_to_the_largest_and_none_is_more_than_twice_the_one_before() -> None:
    page = page_of_blocks(60)
    assert [len(frame) for frame in frames_of(page, 0)] == [1, 1, 2, 4, 8, 16, 16, 12]
    for start in range(60):
        sizes = [len(frame) for frame in frames_of(page, start)]
        assert all(next <= 2 * last for last, next in pairwise(sizes)), start


def test_followers_who_began_at_different_places_come_to_share_frames() -> None:
    for start in (1, 5, 7, 13, 31):
        page = page_of_blocks(60)
        assert frames_of(page, start)[-1] is frames_of(page, 0)[-1]


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


def test_within_a_block_its_rest_comes_and_the_newest_such_is_kept() -> None:
    page = PageBatches(Page(10, 18, "\n".join("abcdefgh")), Bounds(frame_bytes=6, block_bytes=6))
    assert [page.batch(seq).texts for seq in (10, 13, 16)] == [[*"abc"], [*"def"], [*"gh"]]
    odd = page.batch(11)
    assert odd.texts == ["b", "c"]
    assert page.batch(11) is odd
    assert page.batch(12).texts == ["c"]
    assert page.batch(11) is not odd
    assert page.batch(13) is page.batch(13)


def test_a_page_lets_frames_go_that_come_to_more_than_twice_its_size() -> None:
    page = page_of_blocks(16)
    first = page.batch(0, 2)
    for room in (2, 4, 8, 16, 32):
        seq = 0
        while seq < page.last:
            seq = page.batch(seq, room).last
    assert page.batch(0, 2) is not first


def test_a_batch_is_made_anew_once_there_is_more() -> None:
    ring = Ring(0)
    ring.extend(0, ["a"])
    assert ring.batch(0) is ring.batch(0)
    ring.extend(1, ["b"])
    assert ring.batch(0).texts == ["a", "b"]
