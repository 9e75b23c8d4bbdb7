"""Notices by mail, to a real mail server: who hears of what, each thing once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core import clock
from jobs.events import EventType, NewEvent
from jobs.feed import consumers
from jobs.models import Digest, Notice, Subscription
from jobs.notices import gather, outbox
from tests.support.factories import ATTEMPT, make_job
from tests.support.notices import deliver, ended_job, hear, subscribe
from tests.support.people import People
from tests.support.receivers import Mailbox

pytestmark = pytest.mark.usefixtures("database")

GATE = {"gate": "go", "words": "Go?", "not_by_submitter": False}
ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    hear()  # the feed's reader begins with what comes next
    with box.set_up(), box.open():
        yield box


def test_a_failed_job_is_told_with_a_link_to_the_moment(people: People, mailbox: Mailbox) -> None:
    subscribe(people.alice.user, "failed")
    job = ended_job(people.alice.user, title="Restart\n“gs-001”\u202e", kind="command")
    ended_job(people.alice.user, EventType.JOB_SUCCEEDED)
    hear()
    deliver()
    deliver()
    [(to, mail)] = mailbox.got
    assert to == [ALICE]
    assert mail["Subject"].strip() == "Failed: Restart “gs-001”<U+202E> (command)"
    lines = str(mail.get_content()).splitlines()
    assert lines[:3] == [
        "Failed: Restart “gs-001”<U+202E> (command)",
        "the disk is full",
        f"https://jobs.example.org/jobs/{job.pk}?at=3",
    ]
    [digest] = Digest.objects.all()
    assert mail["Message-ID"] == f"<{digest.pk}@example.org>"
    assert (mail["X-Reprise-Try"], mail["Auto-Submitted"]) == ("1", "auto-generated")


def test_each_event_is_told_to_those_who_want_it(people: People, mailbox: Mailbox) -> None:
    subscribe(people.alice.user, "failed", "approval")
    subscribe(people.bob.user, "done")
    for ending in (EventType.JOB_FAILED, EventType.JOB_SUCCEEDED, EventType.JOB_CANCELLED):
        ended_job(ending=ending, team=people.red)
    make_job(events=[ATTEMPT, NewEvent(EventType.JOB_APPROVAL_REQUESTED, GATE)], team=people.red)
    hear()
    deliver()
    subjects = {to[0]: mail["Subject"] for to, mail in mailbox.got}
    assert subjects == {ALICE: "2 notices: 1 failed, 1 approval wanted", BOB: "2 notices: 2 done"}


@pytest.mark.parametrize(
    ("fields", "titles"),
    [
        ({}, {"a", "b", "c"}),
        ({"kind": "command"}, {"b"}),
        ({"target": "gs-2"}, {"c"}),
        ({"own": True}, {"a"}),
    ],
)
def test_a_subscription_can_be_for_some_jobs(
    people: People, mailbox: Mailbox, fields: dict[str, object], titles: set[str]
) -> None:
    subscribe(people.alice.user, "failed", **fields)
    ended_job(people.alice.user, title="a")
    ended_job(title="b", kind="command", team=people.red)
    ended_job(title="c", targets=("gs-1", "gs-2"), team=people.red)
    hear()
    deliver()
    [text] = mailbox.texts(ALICE)
    assert {one for one in "abc" if f"Failed: {one} " in text} == titles


def test_nobody_hears_of_jobs_that_they_do_not_see_when_it_is_sent(
    people: People, mailbox: Mailbox
) -> None:
    subscribe(people.alice.user, "failed")
    subscribe(people.carol.user, "failed")
    own = ended_job(people.alice.user, title="own")
    ended_job(title="of the team", team=people.red)
    hear()
    assert set(Notice.objects.values_list("subscription__user__username", flat=True)) == {"alice"}
    people.red.members.remove(people.alice.user)
    deliver()
    [(_, mail)] = mailbox.got
    assert str(own.pk) in str(mail.get_content())
    assert "of the team" not in str(mail.get_content())
    people.alice.user.is_active = False
    people.alice.user.save()
    ended_job(people.alice.user, title="later")
    hear()
    deliver()
    assert len(mailbox.got) == 1


def test_what_nobody_may_see_any_more_makes_no_message(people: People, mailbox: Mailbox) -> None:
    one = subscribe(people.alice.user, "failed")
    ended_job(title="of the team", team=people.red)
    hear()
    people.red.members.remove(people.alice.user)
    deliver()
    one.refresh_from_db()
    assert mailbox.got == []
    assert (one.due_at, one.failures) == (None, 0)


def test_the_systems_own_log_is_told_to_nobody(people: People, mailbox: Mailbox) -> None:
    subscribe(people.root.user, "failed", "done")
    job = ended_job(kind="system", ending=EventType.JOB_FAILED)
    hear()
    deliver()
    assert mailbox.got == []
    assert Notice.objects.filter(job=job).count() == 0


def test_a_team_is_told_of_its_own_jobs_in_one_message(people: People, mailbox: Mailbox) -> None:
    for person in (people.alice, people.bob, people.nobody):
        person.user.email = f"{person.user.get_username()}@example.org"
        person.user.save()
    people.red.members.add(people.nobody.user)  # who has no role that sees jobs
    Subscription.objects.create(team=people.red, name="red", channel="mail", events=["failed"])
    ended_job(title="ours", team=people.red)
    ended_job(people.alice.user, title="hers alone")
    hear()
    deliver()
    [(to, mail)] = mailbox.got
    assert sorted(to) == [ALICE, BOB]
    assert "Failed: ours" in str(mail.get_content())
    assert "hers alone" not in str(mail.get_content())


def test_what_was_before_a_subscription_is_not_told(people: People, mailbox: Mailbox) -> None:
    ended_job(people.alice.user)
    subscribe(people.alice.user, "failed")
    hear()
    deliver()
    assert mailbox.got == []


def test_a_feed_that_is_read_again_tells_nothing_twice(people: People, mailbox: Mailbox) -> None:
    one = subscribe(people.alice.user, "failed")
    ended_job(people.alice.user)
    hear()
    deliver()
    consumers.reset_checkpoint(gather.CONSUMER.name)
    hear()
    deliver()
    assert len(mailbox.got) == 1
    Digest.objects.update(sent_at=clock.now() - timedelta(days=31))
    Notice.objects.update(at=clock.now() - timedelta(days=31))
    outbox.forget_old()
    one.refresh_from_db()
    assert one.due_at is None
    assert (Notice.objects.count(), Digest.objects.count()) == (0, 0)


def test_a_storm_is_one_message_and_then_one_a_while(people: People, mailbox: Mailbox) -> None:
    one = subscribe(people.alice.user, "failed", digest_minutes=10)
    for _ in range(20):
        ended_job(people.alice.user)
        hear()
    deliver(waits=True)
    assert mailbox.got == []  # it gathers for a few seconds
    deliver()
    for _ in range(20):
        ended_job(people.alice.user)
        hear()
    one.refresh_from_db()
    assert one.sent_at
    assert one.due_at
    assert one.due_at == one.sent_at + timedelta(minutes=10)
    deliver(waits=True)
    assert len(mailbox.got) == 1
    deliver()
    assert [mail["Subject"] for _, mail in mailbox.got] == ["20 notices: 20 failed"] * 2


def test_a_mail_server_that_is_away_gets_everything_later_in_one_message(people: People) -> None:
    hear()
    box = Mailbox()
    one = subscribe(people.alice.user, "failed")
    with box.set_up():
        for number in range(3):
            ended_job(people.alice.user, title=f"job {number}")
            hear()
            deliver()
        one.refresh_from_db()
        assert one.failures == 3
        assert one.error.startswith("The mail server cannot be reached")
        assert one.due_at
        assert one.due_at > clock.now() + timedelta(seconds=5)
        with box.open():
            deliver()
    [text] = box.texts(ALICE)
    assert [f"Failed: job {number} " in text for number in range(3)] == [True] * 3
    one.refresh_from_db()
    assert (one.failures, one.error) == (0, "")


@pytest.mark.parametrize("reply", ["451 later", "554 no"])
def test_what_the_mail_server_refuses_is_sent_again(
    people: People, mailbox: Mailbox, reply: str
) -> None:
    subscribe(people.alice.user, "failed")
    mailbox.replies = [reply]
    ended_job(people.alice.user)
    hear()
    deliver()
    assert mailbox.got == []
    deliver()
    [(_, mail)] = mailbox.got
    assert mail["X-Reprise-Try"] == "1"  # the refused one had reached nobody


def test_a_message_whose_sender_died_is_the_same_one_again(
    people: People, mailbox: Mailbox
) -> None:
    subscribe(people.alice.user, "failed")
    ended_job(people.alice.user, title="first")
    hear()
    Subscription.objects.update(due_at=clock.now())
    claimed = outbox.claim_message(mail=True)
    assert claimed
    ended_job(people.alice.user, title="second")
    hear()
    deliver(waits=True)  # the claim holds
    assert mailbox.got == []
    deliver()
    deliver()
    [(_, again), (_, later)] = mailbox.got
    assert again["Message-ID"] == f"<{claimed.digest.pk}@example.org>"
    assert again["X-Reprise-Try"] == "2"
    assert "It was sent before, and may have reached you then." in str(again.get_content())
    assert "second" not in str(again.get_content())
    assert later["X-Reprise-Try"] == "1"
    assert "second" in str(later.get_content())


def test_who_has_no_address_is_told_why(people: People, mailbox: Mailbox) -> None:
    one = subscribe(people.alice.user, "failed")
    people.alice.user.email = ""
    people.alice.user.save()
    ended_job(people.alice.user)
    hear()
    deliver()
    one.refresh_from_db()
    assert mailbox.got == []
    assert "address of mail" in one.error
