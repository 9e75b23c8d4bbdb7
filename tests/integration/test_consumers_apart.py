"""A consumer that goes wrong holds up nobody: not the others, not the feed, not the sweeper."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from jobs import feed, metrics
from jobs.feed import FeedEvent, LeftOut, consumers
from jobs.feed.consumer_threads import SILENCE_SECONDS, ConsumerThreads
from jobs.feed.consumers import Consumer
from jobs.models import Consumer as Row
from tests.support import bad_consumers, bad_kinds
from tests.support.factories import make_job
from tests.support.feeding import feed_everything
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database")


def feed_now() -> int:
    feed_everything()
    return feed.feed_end()


def standing(name: str) -> consumers.Standing:
    [found] = [one for one in consumers.consumer_status() if one.name == name]
    return found


def raising(error: BaseException) -> Callable[[Sequence[FeedEvent]], None]:
    def handle(events: Sequence[FeedEvent]) -> None:
        raise error

    return handle


ERRORS = [
    SystemExit(2),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(),
    bad_kinds.OwnExit("gone"),
    bad_kinds.Unspeakable(),
    ValueError("a \0 and a \ud800"),
    ValueError("x" * 100_000),
]


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_handler_raises_is_noted_and_tried_again(
    error: BaseException, outside: bool
) -> None:
    make_job()
    end = feed_now()
    consumer = Consumer("frail", raising(error), outside=outside)
    assert consumers.run_once(consumer) == 0
    found = standing("frail")
    assert (found.failures, found.position) == (1, 0)
    assert found.error.startswith(type(error).__name__)
    assert found.retry_at is not None
    Row.objects.filter(name="frail").update(retry_at=None)
    mended = replace(consumer, handle=bad_consumers.listen)
    while consumers.run_once(mended):
        pass
    assert (standing("frail").failures, standing("frail").position) == (0, end)


@pytest.fixture
def crew(request: pytest.FixtureRequest) -> Iterator[tuple[ConsumerThreads, threading.Event]]:
    """A crew that a test fills with consumers by the settings; its parameter: their silence."""
    stop = threading.Event()
    made = ConsumerThreads(stop, silence_seconds=getattr(request, "param", SILENCE_SECONDS))
    bad_consumers.SEEN.clear()
    yield made, stop
    stop.set()


def named(*paths: str) -> override_settings:
    return override_settings(REPRISE=settings.REPRISE.with_changes(consumers=paths))


def test_what_is_no_consumer_is_left_out_and_told(
    crew: tuple[ConsumerThreads, threading.Event],
) -> None:
    make_job()
    end = feed_now()
    bad = {
        "tests.support.bad_consumers.NONE": "'a text' is no jobs.feed.consumers.Consumer",
        "tests.support.bad_consumers.TWICE": "its name 'good' is taken",
        "tests.support.bad_consumers.MISSING": "ImportError",
        "tests.support.bad_exit.ANY": "SystemExit: 3",
        "no.such.module": "ModuleNotFoundError",
        "plain": "ImportError",
    }
    watched, _ = crew
    with named("tests.support.bad_consumers.GOOD", *bad):
        watched.start_threads()
        watched.replace_silent()
    until(lambda: len(bad_consumers.SEEN) == end, "the good one's events")
    for path, says in bad.items():
        found = standing(path)
        assert (found.failures, found.position) == (1, -1)
        assert says in found.error
    with named(*bad):
        consumers.note_broken(consumers.Found())  # all have been mended
    assert not Row.objects.filter(name__in=bad).exists()


RELEASE = threading.Event()


def hang(events: Sequence[FeedEvent]) -> None:
    RELEASE.wait()


HANGS = Consumer("hangs", hang)
HANGS_OUTSIDE = Consumer("hangs outside", hang, outside=True)


@pytest.mark.parametrize("crew", [0.2], indirect=True)
@pytest.mark.parametrize("consumer", ["HANGS", "HANGS_OUTSIDE"])
def test_a_handler_that_never_returns_is_noted_and_replaced(
    crew: tuple[ConsumerThreads, threading.Event], consumer: str
) -> None:
    RELEASE.clear()
    make_job()
    end = feed_now()
    watched, stop = crew
    name = globals()[consumer].name

    def lost(count: int) -> bool:
        watched.replace_silent()
        Row.objects.filter(name=name).update(retry_at=None)
        return standing_or_none(name, count)

    with named(f"{__name__}.{consumer}", "tests.support.bad_consumers.GOOD"):
        threads = watched.start_threads()
        until(lambda: len(bad_consumers.SEEN) == end, "the good one's events")
        until(lambda: lost(1), "the first loss")
        until(lambda: lost(3), "the third loss")
        assert "has not come back" in standing(name).error
        # The feed goes on, and the other one with it.
        make_job()
        assert feed_now() > end
        until(lambda: len(bad_consumers.SEEN) == feed.feed_end(), "the good one's further events")
        RELEASE.set()
        until(lambda: at_end(name), "the hung one's own way")
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()


def standing_or_none(name: str, failures: int) -> bool:
    return any(one.name == name and one.failures >= failures for one in consumers.consumer_status())


def at_end(name: str) -> bool:
    Row.objects.filter(name=name).update(retry_at=None, busy_until=None)
    return standing(name).position == feed.feed_end()


def test_a_handler_that_waits_in_its_transaction_does_not_hold_the_feed() -> None:
    make_job()
    feed_now()
    ends: list[int] = []

    def waits(events: Sequence[FeedEvent]) -> None:
        worker = threading.Thread(target=elsewhere)
        worker.start()
        worker.join()

    def elsewhere() -> None:
        try:
            make_job()
            ends.append(feed.sequence_events())
        finally:
            connection.close()

    assert consumers.run_once(Consumer("waits", waits)) > 0
    assert ends == [1]


def test_a_handler_whose_connection_is_gone_is_noted() -> None:
    make_job()
    feed_now()

    def ends_it(events: Sequence[FeedEvent]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(pg_backend_pid())")

    assert consumers.run_once(Consumer("cut", ends_it)) == 0
    assert standing("cut").failures == 1


def test_a_disabled_consumer_stays_where_it_is_and_loses_nothing() -> None:
    make_job()
    feed_now()
    bad_consumers.SEEN.clear()
    consumers.run_once(Consumer("frail", raising(ValueError("no"))))
    command("--disable", "frail")
    Row.objects.filter(name="frail").update(retry_at=None)
    good = Consumer("frail", bad_consumers.listen)
    assert consumers.run_once(good) == 0
    assert not standing("frail").enabled
    make_job()
    end = feed_now()
    command("--enable", "frail")
    while consumers.run_once(good):
        pass
    assert [event.position for event in bad_consumers.SEEN] == [*range(1, end + 1)]
    command("--forget", "frail")
    assert not Row.objects.filter(name="frail").exists()
    for option in ("--enable", "--disable", "--forget"):
        with pytest.raises(CommandError, match="no consumer frail"):
            command(option, "frail")


def command(*args: str) -> str:
    out = StringIO()
    call_command("consumers", *args, stdout=out)
    return out.getvalue()


def test_what_a_handler_gives_up_is_counted_and_shown() -> None:
    for _ in range(3):
        make_job()
    end = feed_now()

    def refuses(events: Sequence[FeedEvent]) -> None:
        if events[0].position == 2:
            raise LeftOut("not this one")

    assert consumers.run_once(Consumer("picky", refuses, outside=True)) == end
    found = standing("picky")
    assert (found.position, found.failures, found.left_out) == (end, 0, 1)
    assert found.error == "not this one"
    assert "1 left out (not this one)" in command()
    assert 'reprise_consumer_left_out_total{consumer="picky"} 1.0' in metrics.text().decode()
