"""Rights of a large fleet take few queries, and every call is known to ask for the right one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from frontend import urls as pages
from jobs.api.main import api
from jobs.events import EventType, NewEvent
from jobs.events.actions import FROM
from jobs.models import Job, Right, Target
from jobs.queue import leases
from streams import urls as streams
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, make_person, post
from tests.support.rights_fleet import command_on, granted_fleet, submit_command

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")


@pytest.fixture
def fleet(people: People) -> Iterator[People]:
    """Two teams with rights, and their targets."""
    with granted_fleet(people):
        yield people


@pytest.fixture
def dora(fleet: People) -> Person:
    """A commander of team red."""
    return make_person("dora", "commander", fleet.red)


@pytest.fixture
def large_fleet(fleet: People, dora: Person) -> Person:
    """Ten thousand targets and two hundred rights; returns a commander of a team with them."""
    rows = [
        Target(name=f"gs-{number:05}", group=f"g{number % 90}", labels={"rack": str(number % 90)})
        for number in range(10_000)
    ]
    Target.objects.bulk_create(rows, batch_size=1000)
    chosen = [f"group:g{number}" for number in range(90)] + [f"label:rack={n}" for n in range(90)]
    Right.objects.bulk_create(
        Right(team=fleet.red, act=act, kind="command", targets=text)
        for text in chosen
        for act in ("run", "approve")
    )
    return dora


def test_ten_thousand_targets_take_a_few_queries(large_fleet: Person, fleet: People) -> None:
    names = list(Target.objects.filter(name__startswith="gs-").values_list("name", flat=True))
    client = large_fleet.client()
    with CaptureQueriesContext(connection) as asked:
        answer = post(client, "/api/plan", command_on(*names))
    assert answer.status_code == 200, answer.content
    assert len(asked) <= 14
    job = Job.objects.get(pk=submit_command(large_fleet, *names).json()["id"])
    with CaptureQueriesContext(connection) as asked:
        assert leases.take_job(job.pk, "test/1") is not None
    assert sum("jobs_right" in query["sql"] for query in asked) == 1
    assert sum('from "jobs_target"' in query["sql"].lower() for query in asked) == 1


def test_a_list_of_jobs_that_wait_for_approval_takes_a_few_queries(
    large_fleet: Person, fleet: People
) -> None:
    gate = NewEvent(
        EventType.JOB_APPROVAL_REQUESTED, {"gate": "go", "words": "Go?", "not_by_submitter": False}
    )
    for number in range(30):
        make_job(
            fleet.alice.user, [ATTEMPT, gate], kind="command", team=fleet.red,
            params=command_on(f"gs-{number:05}")["params"],
        )  # fmt: skip
    client, counts = large_fleet.client(), dict[str, int]()
    client.get("/api/jobs?limit=1")  # the first use of a token is noted
    for query in ("limit=5", "limit=30", "limit=30&brief=true"):
        with CaptureQueriesContext(connection) as asked:
            jobs = client.get(f"/api/jobs?{query}").json()["jobs"]
        assert all("approve" in job["can"] for job in jobs)
        counts[query] = len(asked)
    assert counts["limit=5"] == counts["limit=30"]
    assert counts["limit=30&brief=true"] <= counts["limit=30"] + 1


# What every call of the API asks of rights, or why it need not: a new one has to be put here.
ASKED = {
    "post /api/jobs": "run",
    "post /api/plan": "run",
    "get /api/kinds": "see",
    "get /api/choices": "see",
    "get /api/kinds/{name}/statistics": "the jobs' teams",
    "get /api/targets/{name}/history": "see, and the jobs' teams",
    "get /api/rights": "one's own",
    "get /api/jobs": "the job's team",
    "get /api/jobs/{job_id}": "the job's team",
    "get /api/jobs/{job_id}/verify": "the job's team",
    "get /api/jobs/{job_id}/seal": "the job's team",
    "get /api/jobs/{job_id}/compare/{other_id}": "both jobs' teams",
    "post /api/jobs/{job_id}/tickets": "the job's team",
    "get /api/audit": "the job's team",
    **{
        f"post /api/jobs/{{job_id}}/{act}": "run" for act in ("cancel", "pause", "resume", "signal")
    },
    **{f"post /api/jobs/{{job_id}}/{act}": "approve" for act in ("approve", "reject")},
    "post /api/jobs/{job_id}/retry": "run",
    "post /api/jobs/{job_id}/fork": "run",
    "get /api/jobs/{job_id}/fork": "the job's team",
    "get /api/tokens": "one's own",
    "post /api/tokens": "one's own",
    "delete /api/tokens/{token_id}": "one's own",
    "get /api/credentials": "the team's",
    "post /api/credentials": "the team's",
    "patch /api/credentials/{name}": "the team's",
    "delete /api/credentials/{name}": "the team's",
    "get /api/subscriptions": "one's own, and the teams'",
    "post /api/subscriptions": "one's own, and the teams'",
    **{
        f"{how} /api/subscriptions/{{subscription_id}}": "one's own, and the teams'"
        for how in ("patch", "delete")
    },
    "post /api/subscriptions/{subscription_id}/test": "one's own, and the teams'",
    "get /api/schedules": "staff",
    **{f"{how} /api/schedules/{{schedule_id}}": "staff" for how in ("get", "patch", "delete")},
}


def test_every_call_that_acts_asks_for_a_right(fleet: People) -> None:
    paths = api.get_openapi_schema()["paths"]
    calls = {f"{method} {path}" for path, methods in paths.items() for method in methods}
    assert calls == ASKED.keys()
    assert {f"post /api/jobs/{{job_id}}/{act}" for act in FROM} <= calls
    gate = {"gate": "go", "words": "Go?", "not_by_submitter": False}
    asking = NewEvent(EventType.JOB_APPROVAL_REQUESTED, gate)
    Right.objects.exclude(act="see").delete()
    for call, needed in ASKED.items():
        if needed not in {"run", "approve"}:
            continue
        job = make_job(fleet.alice.user, [ATTEMPT, asking], kind="test-say", team=fleet.red)
        body = {"name": "x"} if call.endswith("signal") else {"reason": "x"}
        if "{job_id}" not in call:
            body = {"kind": "test-say", "params": {}}  # type: ignore[dict-item]
        elif call.endswith("retry"):
            body = {"only": "all"}
        elif call.endswith("fork"):
            body = {"at": "failed"}
        path = call.removeprefix("post ").replace("{job_id}", str(job.pk))
        for person in (fleet.alice, fleet.bob):
            answer = post(person.client(), path, body)
            assert (call, answer.status_code in {403, 422}) == (call, True), answer.content
        job.refresh_from_db()
        assert job.head == 3


OWN_PAGES = (
    "notices", "add-subscription", "edit-subscription", "remove-subscription", "test-subscription",
    "account", "revoke-token", "end-other-sessions", "end-session", "password",
    "account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_index",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_remove_webauthn",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
)  # fmt: skip
STAFF_PAGES = (
    "add-target", "edit-target", "retire-target", "schedules", "schedule-week", "schedule",
    *(f"{act}-schedule" for act in ("add", "edit", "switch", "delete", "run")),
    "teams", "team", "add-team", "edit-team", "delete-team", "add-member", "remove-member",
    "give-right", "take-right", "webhooks", "switch-consumer",
)  # fmt: skip
MANAGER_PAGES = (
    "people", "person", "add-person", "edit-person", "reset-password", "reset-factors",
    "end-their-sessions", "end-their-session", "revoke-their-token",
)  # fmt: skip
SIGN_IN_PAGES = (
    "sign-in", "account_login", "mfa_authenticate", "sign-out",
    "provider-sign-in", "provider-callback", "provider-sign-out",
)  # fmt: skip
# The same of the pages and the streams, by the names of their addresses.
PAGES = {
    "jobs": "see",
    "new-job": "run",
    "job": "the job's team",
    "history": "the job's team",
    "download-history": "the job's team",
    "find": "see",
    "help": "nobody's",
    "preferences": "one's own",
    "targets": "see",
    **dict.fromkeys(STAFF_PAGES, "staff"),
    **dict.fromkeys(MANAGER_PAGES, "managers"),
    "credentials": "the team's",
    "credential": "the team's",
    **{f"{act}-credential": "the team's" for act in ("add", "edit", "rotate", "remove")},
    **dict.fromkeys(OWN_PAGES, "one's own"),
    **dict.fromkeys(SIGN_IN_PAGES, "nobody's"),
    "stream": "the job's team",
    "events": "the job's team",
    "pages": "the job's team",
    "page": "the job's team",
    "search": "the job's team",
    "compare": "both jobs' teams",
    "kind": "the jobs' teams",
    "target": "see, and the jobs' teams",
    "eventstream": "the job's team",
    "metrics": "nobody's",
    "arrival": "nobody's",
}


def test_every_page_and_stream_is_known() -> None:
    assert {one.name for one in (*pages.urlpatterns, *streams.urlpatterns) if one.name} == set(
        PAGES
    )
