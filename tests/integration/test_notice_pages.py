"""/account/notices: the same as the API, in forms, without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from jobs.models import Notice, Subscription
from jobs.secrets.vault import open_secret
from tests.support.notices import deliver, ended_job, hear, subscribe
from tests.support.people import People
from tests.support.receivers import Mailbox

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.usefixtures("database", "redis")

LIST = "/account/notices"
KEY = "a" * 32
FORM: dict[str, Any] = {
    "name": "mine", "events": ["failed"], "team": "", "where": "mail", "address": "", "kind": "",
    "target": "", "quiet_from": "", "quiet_until": "", "timezone": "UTC", "digest_minutes": "1",
    "enabled": "on",
}  # fmt: skip


@pytest.fixture
def mailbox(people: People) -> Iterator[Mailbox]:
    box = Mailbox()
    for person in (people.alice, people.bob):
        person.user.email = f"{person.user.get_username()}@example.org"
        person.user.save()
    hear()
    with box.set_up(), box.open():
        yield box


def send(browser: Client, path: str, **form: Any) -> Response:
    browser.cookies["reprise_csrf"] = KEY
    answer: Response = browser.post(path, form, headers={"X-CSRFToken": KEY})
    return answer


def page(browser: Client, path: str = LIST) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def test_somebody_subscribes_tests_changes_and_removes(people: People, mailbox: Mailbox) -> None:
    browser = people.alice.browser()
    assert "You get no notices yet" in page(browser)
    quiet = {"quiet_from": "22:00", "quiet_until": "07:00", "timezone": "Europe/Berlin"}
    assert send(browser, f"{LIST}/new", **{**FORM, **quiet}).status_code == 302
    one = Subscription.objects.get()
    assert (one.user, one.channel, str(one.quiet_from)) == (people.alice.user, "mail", "22:00:00")
    shown = page(browser)
    assert "22:00–07:00" in shown
    assert "The subscription was added." in shown
    assert 'value="22:00"' in page(browser, f"{LIST}/{one.pk}")
    assert send(browser, f"{LIST}/{one.pk}", **{**FORM, "events": ["done"]}).status_code == 302
    assert send(browser, f"{LIST}/{one.pk}/test").status_code == 302
    assert "1 waiting" in page(browser)
    deliver()
    assert len(mailbox.got) == 1
    assert "Nobody is told by it any more." in page(browser, f"{LIST}/{one.pk}/remove")
    assert send(browser, f"{LIST}/{one.pk}/remove").status_code == 302
    assert (Subscription.objects.count(), Notice.objects.count()) == (0, 0)


def test_an_address_is_written_and_not_shown(people: People, mailbox: Mailbox) -> None:
    browser = people.alice.browser()
    service = {**FORM, "where": "service"}
    for form, words in (
        (service, "Enter the address of the service."),
        ({**service, "address": "nonsense"}, "An address begins with its service"),
        ({**FORM, "events": []}, "Choose at least one."),
        ({**FORM, "quiet_from": "22:00"}, "Say from when and until when."),
    ):
        refused = send(browser, f"{LIST}/new", **form)
        assert (refused.status_code, words in refused.content.decode()) == (200, True)
    secret = "json://user:hush@example.org/x"
    assert send(browser, f"{LIST}/new", **{**service, "address": secret}).status_code == 302
    one = Subscription.objects.get()
    assert send(browser, f"{LIST}/{one.pk}", **{**service, "name": "b"}).status_code == 302
    one.refresh_from_db()
    assert (one.name, open_secret(one)) == ("b", secret)
    assert "hush" not in page(browser) + page(browser, f"{LIST}/{one.pk}")


def test_others_do_not_find_ones_subscriptions(people: People, mailbox: Mailbox) -> None:
    one = subscribe(people.alice.user, "failed", name="hers alone")
    ours = {"name": "ours", "channel": "mail", "events": ["done"]}
    team = Subscription.objects.create(team=people.red, **ours)
    bob, carol = people.bob.browser(), people.carol.browser()
    assert ("hers alone" in page(bob), "ours" in page(bob)) == (False, True)
    assert "ours" not in page(carol)
    assert bob.get(f"{LIST}/{team.pk}").status_code == 200
    for path in (f"{LIST}/{one.pk}", f"{LIST}/{one.pk}/remove", f"{LIST}/{one.pk}/test"):
        assert send(bob, path, **FORM).status_code == 404
    assert carol.get(f"{LIST}/{team.pk}").status_code == 404
    assert send(people.nobody.browser(), f"{LIST}/new", **FORM).status_code == 403
    red = send(bob, f"{LIST}/new", **{**FORM, "team": str(people.blue.pk)})
    assert (red.status_code, Subscription.objects.count()) == (200, 2)


def test_what_fails_says_why(people: People) -> None:
    box = Mailbox()
    subscribe(people.alice.user, "failed")
    hear()
    with box.set_up():
        ended_job(people.alice.user)
        hear()
        deliver()
    assert "The mail server cannot be reached" in page(people.alice.browser())
