"""Every parameter of every call, with what nobody should send: a problem at most, never a 500.

The calls are those of the OpenAPI document, so that a new one is walked as well. What streams and
WebSockets take is in `test_streams_clients.py`, which has a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client, override_settings

from jobs.api.main import api
from jobs.models import ApiToken, Job, Schedule, Subscription, Target
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, post

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.usefixtures("say_kinds")

DATES = [
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00Z",
    "0999-06-01T00:00:00Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
    "2026-11-22T09:00:00", "2026-W01-1", "2026-11-22T24:00:00Z", "2026-12-31T23:59:60Z",
    "2026-02-30", "2026-11-22T09:00:00+99:99", "NaN", "-Infinity", "1e18", "253402300800",
    "20261122", "-99999999999",
]  # fmt: skip
USABLE = ["0001-01-01T00:00:00Z", "0999-06-01T00:00:00Z", "2026-11-22T09:00:00"]
TEXTS = [
    "", " ", "\x00", "a\x00b", "\ud800", "\x85", "\u2028", "\U0001f600", "x" * 5000, "%", "'", "\\",
    ":", "a:\x00", ",", ",,", "..", "/", "null", "[]", "{}", "true", "0", "-1", "1.5", "9" * 5000,
    str(2**63), str(-(2**63) - 1), str(2**31), "0-end", "1-00000000", "{" + "0" * 32 + "}",
    "urn:uuid:01a202cf-4542-77cb-a3c8-c54ec4fba3e2",
]  # fmt: skip
VALUES = [*DATES, *TEXTS]
FEW = [*DATES[:3], "NaN", "1e18", "", "\x00", "\ud800", "\u2028", "x" * 5000, "%", "/", str(2**63)]
MEMBERS: list[Any] = [
    *FEW, None, True, -1, 1.5, 2**63, 10**400, -62135596801, 1e308, [], {}, [None], {"": ""},
    {"a": "x" * 300}, {"a" * 64: "b"}, {"\x00": "\ud800"},
]  # fmt: skip
DOCUMENT = api.get_openapi_schema()
# Of `at` and `cursor`: what the job has not, or cannot do, is no fault of the parameter.
OF_THE_JOB = {"bad_cursor", "history_diverged", "cursor_ahead", "not_now"}
CALLS = [
    (method, path, call)
    for path, calls in DOCUMENT["paths"].items()
    for method, call in calls.items()
]


def answered(answer: Response, what: str) -> dict[str, Any]:
    """Hold an answer to be no fault, and a problem where it refuses; return the problem."""
    assert answer.status_code < 500, what
    if answer.status_code < 400:
        return {}
    assert answer["Content-Type"] == "application/problem+json", what
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code, what
    assert found["code"], what
    return found


def escaped(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


def asked(client: Client, method: str, address: str, **headers: str) -> Response:
    if method == "post":
        return post(client, address, {}, **headers)
    answer: Response = getattr(client, method)(address, headers=headers)
    return answer


@pytest.mark.timeout(600)  # thousands of requests
def test_no_value_of_a_parameter_is_a_fault(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    Target.objects.create(name=job.kind)  # what has a name in a path is called like this
    names = {
        "subscription_id": job.pk,
        "job_id": job.pk,
        "other_id": job.pk,
        "token_id": 1,
        "name": job.kind,
    }
    for method, path, call in CALLS:
        # Schedules are for staff: others get 403 for whatever they say.
        client = (people.root if "/schedules" in path else people.alice).client()
        for parameter in call.get("parameters", ()):
            name = parameter["name"]
            for value in FEW if parameter["in"] == "path" else VALUES:
                address, headers = path, {}
                if parameter["in"] == "path":
                    address = path.replace(f"{{{name}}}", escaped(value))
                elif parameter["in"] == "query":
                    address = f"{path}?{name}={escaped(value)}"
                else:
                    headers[name] = value.encode("utf-8", "surrogatepass").decode("latin-1")
                for place, value_there in names.items():
                    address = address.replace(f"{{{place}}}", str(value_there))
                what = f"{method} {path} {name}={value[:60]!a}"
                found = answered(asked(client, method, address, **headers), what)
                if parameter["in"] == "query" and found and found["code"] not in OF_THE_JOB:
                    assert [one.get("parameter") for one in found["errors"]] == [name], what


def bodies() -> Iterator[tuple[str, str, str]]:
    """Yield the path, the schema and a member of every body that is taken."""
    for method, path, call in CALLS:
        if method != "post" or "requestBody" not in call:
            continue
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        [reference] = [one["$ref"] for one in schema.get("anyOf", [schema]) if "$ref" in one]
        name = reference.rpartition("/")[2]
        for member in DOCUMENT["components"]["schemas"][name]["properties"]:
            yield path, name, member


COMPLETE: dict[str, dict[str, Any]] = {
    "Submission": {"kind": "test-say", "params": {}},
    "Wanted": {"kind": "test-say", "params": {}},
    "Signal": {"name": "go"},
    "TokenWish": {"name": "mine"},
    "SubscriptionWish": {"name": "mine", "events": ["failed"]},
    "CredentialWish": {"name": "mine", "type": "password", "value": "hush"},
}
KEY = "a" * 32


@pytest.mark.timeout(600)
@override_settings(REPRISE=settings.REPRISE.with_changes(mail_url="smtp://127.0.0.1:9"))
def test_no_member_of_a_body_is_a_fault(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    people.alice.user.email = "alice@example.org"
    people.alice.user.save()
    browser = people.alice.browser()  # a token makes no tokens
    browser.cookies["reprise_csrf"] = KEY
    for path, schema, member in bodies():
        for value in MEMBERS:
            body = json.dumps({**COMPLETE.get(schema, {}), member: value}).encode()
            address = path.replace("{job_id}", str(job.pk))
            what = f"{path} {member}: {str(value)[:60]!a}"
            ApiToken.objects.filter(name="mine").delete()  # a name is free once
            Subscription.objects.all().delete()  # there is a limit
            found = answered(post(browser, address, body, **{"X-CSRFToken": KEY}), what)
            for error in found.get("errors", ()):
                place = error["pointer"]
                assert place.startswith(f"/{member}") or place == "" or member == "params", what


@pytest.mark.parametrize("date", DATES[:2])
@pytest.mark.parametrize("path", ["/api/jobs", "/api/audit"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_moment_that_utc_has_no_year_for_is_unusable_in_a_query(
    people: People, path: str, name: str, date: str
) -> None:
    answer = people.alice.client().get(path, {name: date})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    assert answer.json()["errors"][0]["parameter"] == name


@pytest.mark.parametrize("date", DATES[:2])
def test_a_moment_that_utc_has_no_year_for_is_unusable_in_a_body(people: People, date: str) -> None:
    body = {"kind": "test-say", "start_at": date}
    answer = post(people.alice.client(), "/api/jobs", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    assert answer.json()["errors"][0]["pointer"] == "/start_at"
    assert Job.objects.count() == 0


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00Z", "0999-12-31T23:00:00-01:00"])
def test_a_job_that_was_to_start_long_ago_starts(people: People, date: str) -> None:
    body = {"kind": "test-say", "start_at": date}
    refused = post(people.alice.client(), "/api/jobs", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/start_at")
    job = post(people.alice.client(), "/api/jobs", {**body, "allow_past": True}).json()
    assert (job["status"], len(job["start_at"])) == ("queued", len("0001-01-01T00:00:00.000000Z"))


PAGES = [
    "/?status={}", "/?kind={}", "/history?job={}", "/history?kind={}", "/history?actor={}",
    "/history?type={}", "/history?since={}", "/history?until={}", "/history?after={}",
    "/history?before={}", "/jobs/{}", "/jobs/new?kind={}", "/jobs/new?from={}", "/sign-in?next={}",
    "/find?q={}", "/history?text={}", "/history?target={}",
    *(f"/targets?{name}={{}}" for name in ("text", "group", "label", "state", "after", "before")),
    "/inventory/{}/edit", "/inventory/{}/retire",
    *(f"/schedules?{name}={{}}" for name in ("text", "kind", "state", "after", "before")),
    *(f"/people?{name}={{}}" for name in ("text", "role", "team", "state", "after", "before")),
    *(f"/teams?{name}={{}}" for name in ("text", "after", "before")), "/people/{}", "/teams/{}",
    *(f"/credentials?{name}={{}}" for name in ("text", "type", "team", "after", "before")),
    "/account/notices/{}", "/account/notices/{}/remove", "/credentials/{}",
    "/schedules/{}", "/schedules/new?kind={}",
    "/schedules/week?start={}", "/schedules/week?zone={}",
    "/admin/jobs/job/?q={}", "/admin/jobs/job/?status={}", "/admin/jobs/job/{}/change/",
    "/admin/jobs/job/?team__id__exact={}", "/admin/jobs/target/?label={}", "/{}",
    "/admin/jobs/job/?status__exact={}", "/admin/jobs/job/?kind__in={}",
    "/admin/jobs/target/?transport={}", "/admin/auth/user/?is_staff__exact={}",
]  # fmt: skip


def test_no_address_of_a_page_is_a_fault(people: People) -> None:
    people.root.user.is_superuser = True
    people.root.user.save()
    browser = people.root.browser()
    for page in PAGES:
        for value in FEW:
            answer = browser.get(page.format(escaped(value)))
            assert answer.status_code < 500, f"{page} {value[:60]!a}"


def test_the_history_says_which_moment_it_cannot_use(people: People) -> None:
    for name in ("since", "until"):
        for date in (date for date in DATES if date not in USABLE):
            page = people.root.browser().get("/history", {name: date}).content.decode()
            assert f"{name.capitalize()}: Enter a " in page, date
            assert "This filter is not applied." in page


JSON_TEXTS = [
    '{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": "\\ud800"}', '{"a": NaN}', '{"a": Infinity}',
    '{"a": 1e999}', f'{{"a": {2**63}}}', "[" * 100_000, '{"a":' * 70 + "1" + "}" * 70, "{", "\x00",
]  # fmt: skip


def test_no_json_in_a_form_of_the_admin_is_a_fault(people: People) -> None:
    people.root.user.is_superuser = True
    people.root.user.save()
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(people.root.user)
    for text in JSON_TEXTS:
        target = {"name": "x", "labels": "{}", "variables": text, "transport": "local"}
        schedule = {
            "name": "x", "kind": "test-say", "params": text, "cron": "0 3 * * *", "timezone": "UTC",
            "owner": str(people.root.user.pk), "on_missed": "skip", "overlap": "skip",
        }  # fmt: skip
        for model, form in ("target", target), ("schedule", schedule):
            answer = browser.post(f"/admin/jobs/{model}/add/", form)
            refused = answer.status_code == 200 and "errorlist" in answer.content.decode()
            assert refused or answer.status_code == 302, (model, text[:20])
    kept = [*Target.objects.values_list("variables"), *Schedule.objects.values_list("params")]
    assert "NaN" not in str(kept)


def test_no_accept_header_is_a_fault(people: People) -> None:
    stranger = Client(HTTP_HOST="localhost")
    for accept in ("a/b; c*=nonsense''%41", ";;;", "*/*;q=nan", "a;" * 6000, "\x00", "\xff"):
        headers = {"Accept": accept}
        for path in ("/api/jobs", "/api/audit", "/api/docs"):
            assert people.alice.client().get(path, headers=headers).status_code == 200, accept
            assert stranger.get(path, headers=headers).status_code < 500, accept
