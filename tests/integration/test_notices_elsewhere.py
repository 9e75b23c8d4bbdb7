"""Notices by Apprise, to a real HTTP server: one message once, and no address leads inside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from core.errors import InvalidParams
from jobs.models import Subscription
from jobs.notices import addresses
from jobs.notices.courier import Refused, check_address, fit_body
from jobs.secrets import keys, store
from jobs.secrets.vault import open_secret
from tests.support.notices import deliver, ended_job, hear, subscribe
from tests.support.people import People
from tests.support.receivers import Inbox

pytestmark = pytest.mark.usefixtures("database")

LOOPBACK = ip_network("127.0.0.0/8")


@contextmanager
def allowing(*networks: Any) -> Iterator[None]:
    config = settings.REPRISE.with_changes(notice_networks=networks, public_url="https://j.example")
    with override_settings(REPRISE=config):
        yield


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    hear()
    with allowing(LOOPBACK), box.open():
        yield box


def subscribe_at(people: People, address: str) -> Subscription:
    one = subscribe(people.alice.user, "failed")
    addresses.set_address(one, address)
    one.save()
    return one


def test_a_service_gets_one_message_with_its_key(people: People, inbox: Inbox) -> None:
    one = subscribe_at(people, inbox.address)
    assert one.channel == "json"
    jobs = [ended_job(people.alice.user, title=f"<!here> @all {number}") for number in range(2)]
    hear()
    deliver()
    deliver()
    [(headers, body)] = inbox.got
    [digest] = one.digests.all()
    assert headers["Idempotency-Key"] == str(digest.pk)
    assert body["title"] == "2 notices: 2 failed"
    assert [f"https://j.example/jobs/{job.pk}?at=3" in body["message"] for job in jobs] == [
        True
    ] * 2
    assert "@all" not in body["message"]  # nobody's title pings a channel
    assert "<!here>" not in body["message"]


def test_a_service_that_is_away_gets_the_same_message_later(people: People, inbox: Inbox) -> None:
    one = subscribe_at(people, inbox.address)
    inbox.answers = [503]
    ended_job(people.alice.user, title="first")
    hear()
    deliver()
    one.refresh_from_db()
    assert (one.failures, one.error) == (1, "JSON did not take it.")
    ended_job(people.alice.user, title="second")
    hear()
    deliver()
    deliver()
    (again, first), (later, second) = inbox.got
    assert again["Idempotency-Key"] != later["Idempotency-Key"]
    assert "It was sent before" in first["message"]
    assert ("first" in first["message"], "second" in first["message"]) == (True, False)
    assert ("first" in second["message"], "second" in second["message"]) == (False, True)


def test_an_address_is_kept_encrypted_and_turned_with_the_keys(people: People) -> None:
    with allowing(LOOPBACK):
        one = subscribe_at(people, "json://user:hush@127.0.0.1:9/x")
    assert b"hush" not in bytes(one.ciphertext)
    assert open_secret(one) == "json://user:hush@127.0.0.1:9/x"
    before = one.key_id
    keys.add_key()
    assert sum(store.rotate_keys()) == 1
    one.refresh_from_db()
    assert one.key_id != before
    assert open_secret(one) == "json://user:hush@127.0.0.1:9/x"


INSIDE = [
    "json://127.0.0.1:{port}/hook", "json://localhost:{port}/hook", "json://[::1]:{port}/hook",
    "json://[::ffff:127.0.0.1]:{port}/hook", "json://0.0.0.0:{port}/hook", "json://0x7f.1:{port}/",
    "json://2130706433:{port}/hook",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_leads_inside(people: People, address: str) -> None:
    box = Inbox()
    hear()
    with allowing(), box.open():
        try:
            one = subscribe_at(people, address.format(port=box.port))
        except InvalidParams:
            return  # Apprise takes it for no address
        ended_job(people.alice.user)
        hear()
        deliver()
        one.refresh_from_db()
        assert one.failures == 1
    assert box.got == []


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07::1", True), ("10.0.0.1", False),
        ("100.64.0.1", False), ("169.254.169.254", False), ("224.0.0.1", False),
        ("0.0.0.0", False), ("::1", False), ("::127.0.0.1", False), ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False), ("fc00::1", False), ("ff02::1", False), ("2002:a00:1::", False),
        ("64:ff9b::a00:1", False), ("2001:0:a00:1::", False),
    ],
)  # fmt: skip
def test_only_public_addresses_are_connected_to(host: str, public: bool) -> None:
    if public:
        check_address((host, 443), [])
        return
    with pytest.raises(Refused):
        check_address((host, 443), [])
    known = ip_network(host.partition("%")[0].removeprefix("::ffff:"))
    check_address((host, 443), [known])


def test_nothing_but_the_internet_is_connected_to() -> None:
    with pytest.raises(Refused):
        check_address("/run/postgresql/.s.PGSQL.5432", [])


def test_few_addresses_are_checked_at_once() -> None:
    with ExitStack() as busy:
        for _ in range(addresses.AT_ONCE):
            busy.enter_context(addresses._slots)
        with pytest.raises(InvalidParams) as raised:
            addresses.check_address("json://example.org")
    assert "try again" in raised.value.errors[0]["detail"]
    assert addresses.check_address("json://example.org") == "json"


def test_an_answer_leads_nowhere_else(people: People, inbox: Inbox) -> None:
    class Redirect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{inbox.port}/hook")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        one = subscribe_at(people, f"json://127.0.0.1:{server.server_port}/hook")
        ended_job(people.alice.user)
        hear()
        deliver()
        server.shutdown()
        thread.join()
    one.refresh_from_db()
    assert (inbox.got, one.failures) == ([], 1)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nonsense", "begins with its service"),
        ("nonsense://x", "no address that Apprise knows"),
        ("slack://short", "part of it is missing or wrong"),
        ("mailto://user:pass@example.org", "do not go by"),
        ("syslog://", "do not go by"),
        ("json://example.org/?verify=no", "may not say 'verify'"),
        ("discord://1234567890123456789/abcdefghij?template=/etc/passwd", "may not say 'template'"),
        ("json://example.org/?rto=9999", "may not say 'rto'"),
        ("json://example.org/\n", "visible characters"),
        ("json://" + "x" * 3000, "2,000"),
    ],
)
def test_an_address_that_is_of_no_use_is_refused(people: People, address: str, why: str) -> None:
    one = subscribe(people.alice.user, "failed")
    with pytest.raises(InvalidParams) as raised:
        addresses.set_address(one, address)
    assert raised.value.errors[0]["pointer"] == "/address"
    assert why in raised.value.errors[0]["detail"]


def test_a_channel_that_is_switched_off_is_not_used(people: People, inbox: Inbox) -> None:
    one = subscribe_at(people, inbox.address)
    config = settings.REPRISE.with_changes(notice_channels=("mail",))
    with override_settings(REPRISE=config):
        ended_job(people.alice.user)
        hear()
        deliver()
        one.refresh_from_db()
        assert "REPRISE_NOTICE_CHANNELS" in one.error
    deliver()
    assert len(inbox.got) == 1


def test_a_receiver_that_never_answers_is_given_up(
    people: People, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with addresses.Courier() as courier:
        courier.ask(address="json://example.org")  # it has begun
        monkeypatch.setattr(addresses, "ANSWER_SECONDS", 0.0)
        with pytest.raises(addresses.CourierLost):
            courier.ask(address="json://example.org")
        monkeypatch.undo()
        assert courier.ask(address="json://example.org")["ok"]


def test_a_long_message_says_how_many_more_there_are() -> None:
    body = fit_body(["x" * 10] * 50, "end", 200)
    assert len(body) <= 200
    shown = body.count("x" * 10)
    assert shown > 5
    assert body.endswith(f"and {50 - shown} more\n\nend")
    assert fit_body(["one", "two"], "end", 200) == "one\n\ntwo\n\nend"
