"""Consumers of the feed: in order, at least once, their own failures theirs alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from jobs import feed, log, metrics
from jobs.feed import FeedEvent, consumers
from jobs.feed.consumer_threads import ConsumerThreads
from jobs.feed.consumers import Consumer
from jobs.log.types import PAGE_BYTES
from jobs.models import Snapshot, Team
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything

pytestmark = pytest.mark.usefixtures("database")


def fill(count: int = 6) -> list[tuple[str, int]]:
    """Put events of two jobs into the feed by turns; return all that it has, in order."""
    jobs = [make_job(events=[ATTEMPT]) for _ in range(2)]
    for number in range(count):
        log.append(jobs[number % 2].pk, [output(str(number))], actor="worker:w")
    feed_everything()
    return [(str(event.job), event.seq) for event in feed.read_feed(0, 10_000).events]


class Listener:
    """A handler that keeps what it was given, and fails when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[FeedEvent]] = []
        self.fail_at: int | None = None

    def __call__(self, events: Sequence[FeedEvent]) -> None:
        self.batches.append(list(events))
        if self.fail_at in {event.position for event in events}:
            raise ValueError("not this one")

    @property
    def seen(self) -> list[tuple[str, int]]:
        return [(str(event.job), event.seq) for batch in self.batches for event in batch]


def run(consumer: Consumer) -> int:
    """Run a consumer until it has nothing to do; return how far it has moved."""
    moved = 0
    while step := consumers.run_once(consumer):
        moved += step
    return moved


def standing(name: str) -> consumers.Standing:
    [found] = [one for one in consumers.consumer_status() if one.name == name]
    return found


def due_now(name: str) -> None:
    """Let the time that a failure put a consumer off for be over."""
    with connection.cursor() as cursor:
        cursor.execute("update jobs_consumer set retry_at = now() where name = %s", [name])


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_a_consumer_gets_the_whole_feed_in_order_once(batch: int, outside: bool) -> None:
    everything = fill()
    heard = Listener()
    consumer = Consumer("reader", heard, batch=batch, outside=outside)
    assert run(consumer) == len(everything)
    assert heard.seen == everything
    assert all(len(one) <= (1 if outside else batch) for one in heard.batches)
    everything += [event for event in fill() if event not in everything]
    run(consumer)
    assert heard.seen == everything
    assert standing("reader").lag == 0


def test_a_page_of_the_feed_has_the_stored_texts_in_order() -> None:
    fill(5)
    page = feed.read_feed(2, 4)
    assert (page.after, page.last) == (2, 6)
    assert [event.position for event in page.events] == [3, 4, 5, 6]
    for event in page.events:
        assert [event.text] == log.read(event.job, event.seq - 1, 1).texts
    assert feed.read_feed(feed.feed_end()) == feed.FeedPage(feed.feed_end(), feed.feed_end(), [])
    assert feed.read_feed(40_000, 1).last == 40_000


def test_a_page_of_the_feed_ends_with_the_event_that_fills_it() -> None:
    large, small = output("é" * 30_000), output("x")
    make_job(events=[ATTEMPT, *[large, small] * 80])
    feed_everything()
    first = feed.read_feed(0)
    *but_last, last = (len(event.text.encode()) for event in first.events)
    assert sum(but_last) < PAGE_BYTES <= sum(but_last) + last
    assert first.last == first.events[-1].position < feed.feed_end()
    heard = Listener()
    assert run(Consumer("reader", heard)) == feed.feed_end()
    assert [len(batch) for batch in heard.batches] == [
        len(first.events),
        feed.feed_end() - first.last,
    ]
    assert [event.position for batch in heard.batches for event in batch] == [
        *range(1, feed.feed_end() + 1)
    ]
    # What is not wanted does not count.
    assert feed.read_feed(0, types={"attempt.started"}).last == feed.feed_end()


def test_a_consumer_may_want_some_types_and_every_nth_event() -> None:
    everything = fill(10)
    some, nth = Listener(), Listener()
    assert run(Consumer("some", some, types=frozenset({"attempt.started"}))) == len(everything)
    assert [seq for _, seq in some.seen] == [2, 2]
    assert run(Consumer("nth", nth, every=3, batch=4)) == len(everything)
    assert nth.seen == [(job, seq) for job, seq in everything if seq % 3 == 0]


def test_one_that_starts_now_leaves_out_what_was() -> None:
    old = fill()
    heard = Listener()
    consumer = Consumer("late", heard, from_now=True)
    assert run(consumer) == 0
    everything = fill()
    run(consumer)
    assert heard.seen == everything[len(old) :]


@pytest.mark.parametrize("outside", [False, True])
def test_a_failing_handler_keeps_its_place_and_waits(outside: bool) -> None:
    everything = fill()
    heard, other = Listener(), Listener()
    heard.fail_at = 5
    consumer = Consumer("frail", heard, batch=3, outside=outside)
    run(consumer)
    left = standing("frail")
    assert left.position == (4 if outside else 3)
    assert (left.failures, left.error) == (1, "ValueError: not this one")
    heard.batches.clear()
    assert run(consumer) == 0
    assert heard.batches == []  # not before its time
    assert run(Consumer("steady", other)) == len(everything)  # nobody else waits for it
    for failures in (2, 3):
        due_now("frail")
        run(consumer)
        assert standing("frail").failures == failures
    heard.fail_at = None
    heard.batches.clear()
    due_now("frail")
    run(consumer)
    assert heard.seen == everything[left.position :]
    assert standing("frail").failures == 0


def test_what_a_failed_batch_wrote_is_not_there_and_a_good_one_once() -> None:
    fill()
    failing = True

    def project(events: Sequence[FeedEvent]) -> None:
        for event in events:
            Team.objects.create(name=f"{event.position}", slug=f"p-{event.position}")
        if failing:
            raise ValueError("after all was written")

    consumer = Consumer("teams", project)
    run(consumer)
    assert Team.objects.count() == 0
    failing = False
    due_now("teams")
    assert run(consumer) == Team.objects.count() == feed.feed_end()


def test_one_process_at_a_time_runs_a_consumer() -> None:
    assert_alone(outside=False)


def test_one_process_at_a_time_runs_a_consumer_with_effects_outside() -> None:
    assert_alone(outside=True)


def assert_alone(*, outside: bool) -> None:
    everything = fill()
    entered, leave, heard = threading.Event(), threading.Event(), Listener()

    def slowly(events: Sequence[FeedEvent]) -> None:
        entered.set()
        assert leave.wait(30)
        heard(events)

    def elsewhere(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connection.close()

    consumer = Consumer("alone", slowly, outside=outside)
    first = threading.Thread(target=elsewhere, args=[lambda: run(consumer)])
    first.start()
    assert entered.wait(30)
    assert consumers.run_once(consumer) == 0
    leave.set()
    first.join()
    assert heard.seen == everything


def test_the_feed_goes_on_while_an_outside_consumer_waits() -> None:
    fill()
    moved: list[int] = []

    def waits(events: Sequence[FeedEvent]) -> None:
        make_job()
        moved.append(feed.sequence_events())

    consumers.run_once(Consumer("outside", waits, outside=True))
    assert len(moved) >= 6
    assert all(moved)


def test_snapshots_are_made_as_jobs_pass_them() -> None:
    job = make_job(events=[ATTEMPT])
    log.append(job.pk, [output("x")] * 2100, actor="worker:w")
    feed_everything()
    [snapshots] = [one for one in consumers.find_consumers().consumers if one.name == "snapshots"]
    run(snapshots)
    assert list(Snapshot.objects.order_by("seq").values_list("seq", flat=True)) == [1000, 2000]


HEARD = Listener()
OWN = Consumer("own", HEARD)


def test_the_sweepers_threads_run_all_of_them_and_stop() -> None:
    everything = fill()
    HEARD.batches.clear()
    config = settings.REPRISE.with_changes(consumers=(f"{__name__}.OWN",))
    stop = threading.Event()
    with override_settings(REPRISE=config):
        threads = ConsumerThreads(stop).start_threads()
        assert {thread.name for thread in threads} == {
            "consumer-snapshots",
            "consumer-step-runs",
            "consumer-notices",
            "consumer-own",
        }
        done = threading.Event()
        while [one.lag for one in consumers.consumer_status()] != [0, 0, 0, 0]:
            done.wait(0.01)
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert HEARD.seen == everything


def command(*args: str) -> str:
    out = StringIO()
    call_command("consumers", *args, stdout=out)
    return out.getvalue()


def test_the_command_lists_resets_and_skips() -> None:
    everything = fill()
    heard = Listener()
    consumer = Consumer("reader", heard)
    run(consumer)
    [row] = json.loads(command("--json"))
    assert (row["name"], row["position"], row["lag"]) == ("reader", len(everything), 0)
    assert "reader" in command("--reset", "reader")
    run(consumer)
    assert heard.seen == everything * 2
    command("--reset", "reader")
    command("--skip", "reader")
    assert run(consumer) == 0
    with pytest.raises(CommandError, match="no consumer nobody"):
        command("--reset", "nobody")


def test_lags_are_metrics() -> None:
    everything = fill()
    make_job()
    consumers.run_once(Consumer("reader", Listener(), batch=4))
    text = metrics.text().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert float(lines["reprise_feed_lag_seconds"]) > 0
    assert float(lines["reprise_feed_position"]) == len(everything)
    assert float(lines['reprise_consumer_lag_events{consumer="reader"}']) == len(everything) - 4
    assert float(lines["reprise_folded_events_total"]) >= 0
