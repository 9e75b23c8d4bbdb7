"""What an attacker would try next, each refused by the rule that it would break."""

from __future__ import annotations

import gzip
import json
import logging
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest
import zstandard
from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db import connections

from core.errors import NotSignedIn
from jobs import log
from jobs.access import tickets
from jobs.events import EventType, NewEvent
from jobs.log.archive_frames import LONGEST, Damaged, Place, unpack_frame
from jobs.models import ApiToken, Job, Schedule, Target, UserSession
from tests.integration.test_api_errors import unreachable_database
from tests.integration.test_webhooks import ended_job, failures, run, told
from tests.support.certificates import certificate
from tests.support.environment import settings_from
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, django_client, post

pytestmark = pytest.mark.usefixtures("database", "say_kinds")

WISH = {"kind": "test-say", "params": {"words": ["a"]}}
GATE = {"gate": "go", "prompt": "Go on?", "not_by_submitter": False}


def at_gate(people: People) -> Job:
    asked = NewEvent(EventType.JOB_APPROVAL_REQUESTED, GATE)
    return make_job(people.alice.user, [ATTEMPT, asked], kind="test-say", team=people.red)


def types_of(job: Job) -> list[str]:
    return [json.loads(text)["type"] for text in log.read(job.pk, 0, 100).texts]


def test_a_gate_is_answered_once_however_many_answer(people: People) -> None:
    job = at_gate(people)
    together = threading.Barrier(8)

    def answer(number: int) -> int:
        together.wait()
        try:
            act = ("approve", "reject")[number % 2]
            return post(people.bob.client(), f"/api/jobs/{job.pk}/{act}").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(answer, range(8)))
    assert statuses == [202, *[409] * 7]
    answered = {EventType.JOB_APPROVED, EventType.JOB_REJECTED}
    assert len([one for one in types_of(job) if one in answered]) == 1


def test_no_get_changes_anything(people: People) -> None:
    job, browser = at_gate(people), people.bob.browser()
    before = types_of(job)
    for act in ("approve", "reject", "cancel", "pause", "resume", "retry", "signal", "tickets"):
        for client in (browser, people.bob.client()):
            assert client.get(f"/api/jobs/{job.pk}/{act}").status_code == 405
            assert client.head(f"/api/jobs/{job.pk}/{act}").status_code == 405
    assert browser.get(f"/api/jobs/{job.pk}/fork").status_code == 409  # says what one would keep
    assert browser.get("/sign-out").status_code == 405
    assert browser.get("/").status_code == 200  # and is signed in still
    assert types_of(job) == before


@pytest.mark.parametrize(
    "override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]
)
def test_no_header_makes_another_method_of_one(people: People, override: str) -> None:
    job = at_gate(people)
    answer = people.bob.client().get(f"/api/jobs/{job.pk}/approve", headers={override: "POST"})
    assert answer.status_code == 405


def test_an_id_of_another_team_is_known_to_no_address(people: People) -> None:
    theirs, none = at_gate(people).pk, UUID(int=theirs_is_none())
    addresses = [
        ("get", "/api/jobs/{}"), ("get", "/api/jobs/{}/state"), ("get", "/api/jobs/{}/steps"),
        ("get", "/api/jobs/{}/verify"), ("get", "/api/jobs/{}/seal"), ("get", "/jobs/{}"),
        ("get", "/api/jobs?id={}"),
        ("get", "/history?job={}"), ("get", "/jobs/new?again={}"), ("get", "/api/audit?job={}"),
        ("post", "/api/jobs/{}/approve"), ("post", "/api/jobs/{}/cancel"),
        ("post", "/api/jobs/{}/retry"), ("post", "/api/jobs/{}/fork"),
        ("get", "/api/jobs/{}/fork"), ("post", "/api/jobs/{}/tickets"),
    ]  # fmt: skip
    for method, address in addresses:
        found = []
        for job in (theirs, none):
            client = people.carol.browser() if address[1] in "jh" else people.carol.client()
            if method == "get":
                answer = client.get(address.format(job))
            else:
                answer = post(people.carol.client(), address.format(job))
            text = answer.content.decode().replace(str(job), "").replace(job.hex, "")
            found.append((answer.status_code, "" if address[1] in "jh" else text))
        assert found[0] == found[1], address


def theirs_is_none() -> int:
    return 0x019B_0000_0000_7000_8000_0000_0000_0001


def test_somebody_elses_key_makes_a_job_of_ones_own(people: People) -> None:
    key = {"Idempotency-Key": "a-key-that-both-of-them-use"}
    first = post(people.carol.client(), "/api/jobs", WISH, **key)
    second = post(people.alice.client(), "/api/jobs", WISH, **key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_no_member_of_a_body_sets_what_it_may_not(people: People) -> None:
    extra = {
        "owner": 1, "team": "blue", "status": "succeeded", "submitted_by": "x", "authors": [],
        "id": str(UUID(int=1)), "imported_at": "2026-01-01",
    }  # fmt: skip
    for name, value in extra.items():
        answer = post(people.alice.client(), "/api/jobs", {**WISH, name: value})
        assert answer.status_code == 400, name
    assert not Job.objects.exclude(kind="system").exists()
    browser = people.alice.browser()
    browser.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    body = {"name": "mine", "user": people.root.user.pk, "is_staff": True}
    post(browser, "/api/tokens", body, **{"X-CSRFToken": "a" * 32})
    assert set(ApiToken.objects.filter(name="mine").values_list("user", flat=True)) <= {
        people.alice.user.pk
    }


def test_an_answer_has_the_documented_members_alone(people: People) -> None:
    document = people.alice.client().get("/api/openapi.json").json()["components"]["schemas"]
    job = at_gate(people)
    shown = people.bob.client().get("/api/jobs").json()["jobs"][0]
    documented = set[str]().union(*(one.get("properties", {}) for one in document.values()))
    assert set(shown) <= documented
    tokens = people.alice.browser().get("/api/tokens").json()
    assert "hash" not in json.dumps(tokens)
    assert people.alice.raw not in json.dumps(tokens)
    assert str(job.pk) in json.dumps(shown)


def test_of_a_repeated_parameter_the_last_counts(people: People) -> None:
    make_job(people.alice.user, [ATTEMPT], team=people.red)
    make_job(people.alice.user, team=people.red)
    client = people.alice.client()
    assert len(client.get("/api/jobs?limit=1&limit=100").json()["jobs"]) == 2
    assert client.get("/api/jobs?limit=100&limit=1000000").status_code == 400


def test_a_packed_body_is_not_unpacked(people: People) -> None:
    packed = gzip.compress(json.dumps(WISH).encode() + b" " * 50_000_000)
    headers = {"Content-Encoding": "gzip"}
    answer = post(people.root.client(), "/api/jobs", packed, **headers)
    assert answer.status_code == 400
    assert not Job.objects.exclude(kind="system").exists()


def test_a_frame_of_an_archive_is_unpacked_within_bounds() -> None:
    packed = zstandard.compress(b" " * (LONGEST + 1))
    assert len(packed) < 100_000
    with pytest.raises(Damaged, match="larger than any"):
        unpack_frame(Place("a-month", 1, 2, 0, len(packed)), packed)


def test_a_ticket_says_nothing_of_how_it_is_checked(people: People) -> None:
    job = at_gate(people).pk
    ticket, _ = tickets.make_ticket(people.alice.principal, job, 60)
    said = signing.loads(ticket, salt=tickets.SALT)
    assert not {"alg", "kid", "jku", "jwk", "x5u"} & set(said)
    forged = [
        signing.dumps(said, salt="another"),
        signing.dumps(said, key="another installation's", salt=tickets.SALT),
        ticket.rpartition(":")[0] + ":",
        ticket.rpartition(":")[0],
        "eyJhbGciOiJub25lIn0." + ticket.partition(":")[0] + ".",
    ]
    for one in forged:
        with pytest.raises(NotSignedIn):
            tickets.redeem_ticket(one, job)


def test_password_fields_hide_what_is_typed_and_let_managers_in(people: People) -> None:
    people.alice.user.set_password("a long one, of alice's")
    people.alice.user.save()
    pages = {
        "/sign-in": (django_client(), {"current-password"}),
        "/password": (people.alice.browser(), {"current-password", "new-password"}),
        "/confirm": (people.alice.browser(), {"current-password"}),
    }
    for path, (client, kinds) in pages.items():
        page = client.get(path).content.decode()
        fields = [part.partition(">")[0] for part in page.split("<input")[1:] if "assword" in
                  part.partition(">")[0] and "hidden" not in part.partition(">")[0]]  # fmt: skip
        typed = [field for field in fields if 'type="checkbox"' not in field]
        assert typed
        assert all('type="password"' in field for field in typed)
        assert all(any(f'autocomplete="{kind}"' in field for kind in kinds) for field in typed)
        assert "onpaste" not in page


def test_a_new_database_has_no_accounts() -> None:
    assert not User.objects.exists()
    assert not ApiToken.objects.exists()
    assert not Schedule.objects.exists()


def test_metrics_are_for_staff(people: People) -> None:
    for client in (django_client(), people.alice.client(), people.audrey.browser()):
        assert client.get("/metrics").status_code in {401, 404}


def test_debugging_is_off_until_somebody_asks_for_it() -> None:
    assert settings_from({}).debug is False


@pytest.mark.parametrize("path", ["/history", "/api/jobs", "/admin/", "/jobs/new"])
def test_a_fault_is_logged_and_says_nothing(
    people: People, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = people.root.browser()
    with unreachable_database(), caplog.at_level(logging.ERROR):
        answer = browser.get(path)
    text = answer.content.decode()
    assert answer.status_code in {500, 503}
    for inside in ("Traceback", "psycopg", "postgresql", "OperationalError", "127.0.0.1", "/core/"):
        assert inside not in text
    assert caplog.records


def test_a_webhook_goes_to_no_server_with_a_strange_certificate(tmp_path: Path) -> None:
    taken: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.path)
            self.send_response(204)
            self.end_headers()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            with told(f"https://localhost:{server.server_port}/hook") as consumer:
                ended_job()
                run(consumer)
                assert failures() == 1
        finally:
            server.shutdown()
            thread.join()
    assert taken == []


def test_the_inventory_is_for_those_who_may_submit(people: People) -> None:
    Target.objects.create(name="gs-001", address="secret.example", group="live")
    for person in (people.nobody, people.vera, people.audrey):
        answer = person.client().get("/api/kinds")
        assert "gs-001" not in answer.content.decode()
        assert answer.status_code == 403 or answer.json()["kinds"] == []


def test_a_prefix_is_no_way_to_another_host(people: People) -> None:
    for header in ({"X-Forwarded-Host": "evil.example"}, {"X-Original-URL": "/admin/"},
                   {"X-Rewrite-URL": "/admin/"}, {"Forwarded": "host=evil.example"}):  # fmt: skip
        page = people.nobody.browser().get("/sign-in", headers=header)
        assert "evil.example" not in page.content.decode() + str(page.headers)
        assert page.status_code == 302


def test_a_role_that_is_gone_steers_nothing_with_an_open_page(people: People) -> None:
    job, browser = at_gate(people), people.bob.browser()
    browser.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    people.bob.user.groups.clear()
    answer = post(browser, f"/api/jobs/{job.pk}/approve", **{"X-CSRFToken": "a" * 32})
    assert answer.status_code in {403, 404}
    assert EventType.JOB_APPROVED not in types_of(job)


def test_a_session_that_has_ended_lets_nobody_in(people: People) -> None:
    browser = people.alice.browser()
    assert browser.get("/").status_code == 200
    UserSession.objects.update(seen_at=datetime.now(UTC) - timedelta(days=8))
    assert browser.get("/").status_code == 302
