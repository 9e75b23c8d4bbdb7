"""The page of webhooks and notices: for staff, without secrets, each switch told."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import override_settings

from jobs.models import Consumer, Schedule
from tests.support.factories import make_user
from tests.support.pages import Pages
from tests.support.people import People
from tests.support.system_log import all_text

pytestmark = pytest.mark.usefixtures("database", "redis")

URL = "https://user:hunter22@hooks.example.org:8443/path/secret-path?key=secret-key"


def test_it_is_for_staff(people: People) -> None:
    Consumer.objects.create(name="frail")
    for person in (people.alice, people.vera, people.audrey, people.nobody):
        assert Pages(person).read("/webhooks").status == 403
        assert Pages(person).send("/webhooks/switch", name="frail", enabled="0").status == 403
    assert Consumer.objects.get().enabled


def test_where_things_are_told_is_shown_without_what_is_secret(people: People) -> None:
    pages = Pages(people.root)
    assert "There is none." in pages.read("/webhooks").text
    config = settings.REPRISE.with_changes(webhook_url=URL, webhook_secret="whisper")
    with override_settings(REPRISE=config):
        text = pages.read("/webhooks").text
    assert "https://hooks.example.org:8443/…" in text
    assert "signed" in text
    for secret in ("hunter22", "secret-path", "secret-key", "whisper"):
        assert secret not in text


def test_what_fails_is_said_and_a_consumer_is_paused(people: People) -> None:
    Consumer.objects.create(name="frail", failures=3, error="ValueError: <b>x</b>")
    owner = make_user("owner")
    Schedule.objects.create(
        name="bad", kind="gone", cron="0 3 * * *", owner=owner, failures=2, error="No such kind"
    )
    pages = Pages(people.root)
    text = pages.read("/webhooks").text
    assert "ValueError: <b>x</b>" in text
    assert "<b>x</b>" not in pages.client.get("/webhooks").content.decode()
    assert "2 times in a row: No such kind" in text
    for on, said in (("0", "frail is paused."), ("1", "frail goes on.")):
        assert said in pages.read(pages.send("/webhooks/switch", name="frail", enabled=on).to).text
        assert Consumer.objects.get().enabled is (on == "1")
    assert "Consumer frail was paused." in all_text()
    assert "Consumer frail was resumed." in all_text()
    for name in ("gone", "\x00", "x" * 5000):
        assert pages.send("/webhooks/switch", name=name, enabled="0").status == 404
