"""Whatever happens on the way, a follower's history is the log's prefix, and whole in the end."""

from __future__ import annotations

from hypothesis import event, given, settings

from tests.unit.hub_stories import HINTS_ALONE, RESTORED, TROUBLED, Story, by_hints_alone, troubled


@given(TROUBLED)
@settings(deadline=None, max_examples=300)
def test_every_follower_gets_the_whole_log_in_order(story: Story) -> None:
    world = troubled(story)
    for label in ("used", "old", "gap", "large"):
        event(f"hints {label}: {'some' if world.counters.get('hints', label) else 'none'}")
    for name in ("heals", "poll_heals", "page_reads", "page_hits", "ring_hits", "read_failures"):
        event(f"{name}: {'some' if world.counters.get(name) else 'none'}")
    event(f"fell behind: {any('FellBehind' in f.kinds for f in world.followers)}")


@given(HINTS_ALONE)
@settings(deadline=None, max_examples=150)
def test_where_no_hint_is_lost_nobody_needs_a_poll_or_a_heartbeat(story: Story) -> None:
    by_hints_alone(story)


@given(RESTORED)
@settings(deadline=None, max_examples=300)
def test_a_log_that_goes_back_is_followed_anew(story: Story) -> None:
    world = troubled(story)
    event(f"histories dropped: {world.counters.get('histories_dropped') > 0}")
