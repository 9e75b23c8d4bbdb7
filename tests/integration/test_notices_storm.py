"""A storm: 500 failed jobs, five subscribers, receivers that are away, a sweeper that is killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.conf import settings
from django.test import override_settings

from core import clock
from jobs.models import Consumer, Notice, Subscription
from jobs.notices import addresses
from ops.setup.clone import ROOT
from tests.support.notices import ended_job, hear, subscribe
from tests.support.people import People, make_person
from tests.support.receivers import Inbox, Mailbox
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")

JOBS = 500
LINK = re.compile(r"/jobs/([0-9a-f-]{36})\?at=3")


@contextmanager
def sweeping(database: str, redis: str, mailbox: Mailbox) -> Iterator[None]:
    """Run a sweeper, which is killed at the end."""
    env = {
        **os.environ, "DATABASE_URL": database, "REDIS_URL": redis,
        "REPRISE_MAIL_URL": f"smtp://127.0.0.1:{mailbox.port}",
        "REPRISE_MAIL_FROM": "reprise@example.org",
        "REPRISE_PUBLIC_URL": "https://jobs.example.org",
        "REPRISE_NOTICE_NETWORKS": "127.0.0.0/8",
        "REPRISE_SECRET_KEYS": str(settings.REPRISE.secret_keys),
    }  # fmt: skip
    command = [sys.executable, "manage.py", "sweeper"]
    with subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True) as process:
        try:
            yield
        finally:
            process.kill()


def wait_no_longer() -> None:
    """Have the waits after failures, and the claims of who was killed, be over."""
    over = clock.now() - timedelta(seconds=1)
    Subscription.objects.exclude(due_at=None).update(due_at=over)
    Consumer.objects.filter(name="notices").update(retry_at=None)


def is_all_sent() -> bool:
    """Return whether nothing is left, and have nothing wait any longer."""
    wait_no_longer()
    waiting = Subscription.objects.exclude(due_at=None).exists()
    return not waiting and not Notice.objects.filter(digest__sent_at=None).exists()


def test_a_storm_is_told_to_each_once_in_digests(people: People, database: str, redis: str) -> None:
    mailbox, inboxes = Mailbox(), [Inbox(), Inbox()]
    hear()
    mail = [people.alice, people.bob, make_person("dora", "operator", people.red)]
    for person in mail:
        subscribe(person.user, "failed", digest_minutes=0)
    networks = settings.REPRISE.with_changes(notice_networks=(ip_network("127.0.0.0/8"),))
    with override_settings(REPRISE=networks):
        for inbox, person in zip(inboxes, (people.root, people.audrey), strict=True):
            one = subscribe(person.user, "failed", digest_minutes=0)
            addresses.set_address(one, inbox.address)
            one.save()
    with sweeping(database, redis, mailbox):  # nobody takes anything
        jobs = {str(ended_job(team=people.red, title=f"job {n}").pk) for n in range(JOBS)}
        until(lambda: Notice.objects.count() == 5 * JOBS, "the notices")
        until(lambda: all(Subscription.objects.values_list("failures", flat=True)), "failures")
    wait_no_longer()
    with inboxes[0].open(), mailbox.open():
        with sweeping(database, redis, mailbox):  # killed as soon as somebody has something
            until(lambda: mailbox.got and inboxes[0].got, "the first messages")
        wait_no_longer()
        with inboxes[1].open(), sweeping(database, redis, mailbox):
            until(is_all_sent, "everything to be sent", pause=1.0)
    for person in mail:
        told = mailbox_digests(mailbox, f"{person.user.get_username()}@example.org")
        counts = Counter(job for found in told.values() for job in found)
        assert counts == dict.fromkeys(jobs, 1)
        assert len(told) <= 5
    for inbox in inboxes:
        titles = {headers["Idempotency-Key"]: body["title"] for headers, body in inbox.got}
        numbers = [int(title.split()[0]) for title in titles.values() if "notices:" in title]
        assert sum(numbers) + len(titles) - len(numbers) == JOBS
        assert len(titles) <= 5


def mailbox_digests(mailbox: Mailbox, address: str) -> dict[str, list[str]]:
    """Return the jobs that each message to an address tells of; a message that came again is one.

    Whoever sent one may have been killed before it was noted.
    """
    return {
        mail["Message-ID"]: LINK.findall(str(mail.get_content()))
        for to, mail in mailbox.got
        if address in to
    }
