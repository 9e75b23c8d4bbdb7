"""How large the next frame may be, by how the connection took the last ones."""

from __future__ import annotations

from streams.hub.pacing import FrameSize


def rooms(*taken: tuple[int, float], least: int = 16, most: int = 256) -> list[int]:
    """Return what there is room for at first, and after each frame of that size and time."""
    pace = FrameSize(least, most)
    found = [pace.room]
    for size, seconds in taken:
        pace.took(size, seconds)
        found.append(pace.room)
    return found


def test_it_doubles_while_frames_are_full_and_taken_at_once() -> None:
    sizes = [16, 15, 30, 60, 120, 250, 250]
    assert rooms(*((size, 0.0) for size in sizes)) == [16, 32, 32, 64, 128, 256, 256, 256]


def test_it_stays_or_halves_where_they_take_long() -> None:
    assert rooms((16, 0.0), (32, 0.9), (32, 1.1), (16, 1.1)) == [16, 32, 32, 16, 16]


def test_small_frames_are_no_reason_for_others_to_be_small() -> None:
    assert rooms((60, 0.0), (1, 0.0), (1, 0.5), (1, 3.0)) == [16, 128, 128, 128, 16]


def test_a_frame_larger_than_there_was_room_for_is_no_reason_for_larger_ones() -> None:
    assert rooms((1000, 0.0), least=16, most=100) == [16, 100]
    assert FrameSize(500, 100).room == 100
