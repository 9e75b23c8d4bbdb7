"""A token may never more than its user, and only what its scopes, its kind and its team let it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Forbidden, NotFound, RepriseError
from jobs import commands
from jobs.access import revalidate, tickets, tokens, visibility
from jobs.access.visibility import Principal
from jobs.commands.retry import retry
from jobs.events import EventType, NewEvent
from jobs.kinds import registry
from jobs.models import ALL_SCOPES, ApiToken, Credential, Job
from jobs.system_log import unrecorded
from tests.support.factories import ATTEMPT, make_job
from tests.support.feeding import feed_everything
from tests.support.people import People, Person, django_client, post

pytestmark = pytest.mark.usefixtures("database", "say_kinds")

PERMISSIONS = ("view_job", "submit_job", "steer_job", "view_all_jobs", "run_command")
KINDS = ("test-say", "command")
GATE = NewEvent(
    EventType.JOB_APPROVAL_REQUESTED, {"gate": "go", "words": "?", "not_by_submitter": False}
)


SUBSCRIPTION = {"name": "mine", "events": ["failed"]}
CREDENTIAL = {"name": "other", "type": "password", "value": "hush", "team": "red"}


def bearer(raw: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {raw}"}


def made(person: Person, *names: str, kind: str = "", team: str = "") -> tuple[Principal, Client]:
    """Return who somebody is with a new token of these scopes, and a client that sends it."""
    count = ApiToken.objects.count()
    token, raw = tokens.make_token(
        person.user, f"t{count}", scope_names=names or None, kind=kind, team=team
    )
    return visibility.of_token(token), django_client(**bearer(raw))


def may(call: Callable[..., object], *args: object) -> bool:
    """Return whether a call is let through: refused is what raises Forbidden or NotFound."""
    try:
        call(*args)
    except (Forbidden, NotFound):
        return False
    return True


def allowed(who: Principal, jobs: Sequence[Job]) -> set[tuple[str, object]]:
    """Return everything that somebody may: acts by themselves, and acts on jobs and kinds."""
    found: set[tuple[str, object]] = {
        (act, None) for act in ("view", "submit", "steer") if may(visibility.require_act, who, act)
    }
    found |= {("staff", scope) for scope in ALL_SCOPES if may(visibility.require_staff, who, scope)}
    found |= {("has", one) for one in PERMISSIONS if who.has(one)}
    for kind in map(registry.get_kind, KINDS):
        found |= {("open", kind.name)} if may(visibility.require_open, who, kind) else set()
    for job in jobs:
        gate = job.waiting_for[0] if job.waiting_for else {}
        acts: dict[str, Callable[[], object]] = {
            "view job": partial(visibility.job_for, who, job.pk),
            "find job": partial(visibility.job_for, who, job.pk, "steer"),
            "steer job": partial(visibility.require_act, who, "steer", job),
            "answer": partial(visibility.require_answer, who, job, gate),
        }
        found |= {(act, job.pk) for act, call in acts.items() if may(call)}
        found |= {(act, job.pk) for act in visibility.allowed_acts(who, job)}
    return found


@pytest.fixture
def jobs(people: People) -> list[Job]:
    """Jobs of each kind, team and owner, half of them at a gate."""
    owners = (people.alice.user, people.carol.user, None)
    with unrecorded():
        return [
            make_job(owner, [ATTEMPT, GATE][: 1 + (kind == "test-say")], kind=kind, team=team)
            for kind, team, owner in product(KINDS, (people.red, people.blue, None), owners)
        ]


@pytest.mark.parametrize("is_staff", [False, True])
def test_a_token_may_less_and_all_say_the_same_of_what_it_sees(
    people: People, jobs: list[Job], is_staff: bool
) -> None:
    ids = {codename: Permission.objects.get(codename=codename) for codename in PERMISSIONS}
    teams = [people.red, people.blue]

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(
        st.sets(st.sampled_from(PERMISSIONS)),
        st.sets(st.sampled_from(range(2))),
        st.sets(st.sampled_from(ALL_SCOPES), min_size=1),
        st.sampled_from(("", *KINDS)),
        st.sampled_from((None, 0, 1)),
    )
    def check(
        rights: set[str], member: set[int], scopes: set[str], kind: str, team: int | None
    ) -> None:
        with unrecorded():
            User.objects.filter(pk=people.alice.user.pk).update(is_staff=is_staff)
            alice = User.objects.get(pk=people.alice.user.pk)
            alice.groups.clear()
            alice.user_permissions.set([ids[name] for name in rights])
            for number, one in enumerate(teams):
                one.members.set([alice] if number in member else [])
        ApiToken.objects.filter(user=alice).update(
            scopes=" ".join(sorted(scopes)), kind=kind, team=None if team is None else teams[team]
        )
        token = ApiToken.objects.select_related("user").get(user=alice)
        who, herself = visibility.of_token(token), visibility.of_user(alice)

        may_do = allowed(who, jobs)
        assert may_do <= allowed(herself, jobs)
        covered = {None, kind, *(job.pk for job in jobs if who.scope.covers(job.kind, job.team_id))}
        on_jobs = {place for act, place in may_do if act not in ("has", "staff", "open")}
        assert on_jobs <= covered
        by_sql = {job.pk for job in visibility.visible_jobs(who)}
        by_value = {
            job.pk for job in jobs if who.visibility.has(job.owner_id, job.team_id, job.kind)
        }
        asked: list[tuple[Principal, UUID | None]] = [(who, job.pk) for job in jobs]
        refusals = revalidate.find_refusals(asked)
        followed = {job.pk for job, error in zip(jobs, refusals, strict=True) if error is None}
        assert by_sql == by_value == followed
        assert all(job.kind == kind for job in jobs if kind and job.pk in by_sql)
        [of_all] = revalidate.find_refusals([(who, None)])
        assert (of_all is None) == bool(who.has("view_job") or who.has("view_all_jobs"))

    check()


def test_a_token_with_every_scope_may_what_its_user_may(people: People, jobs: list[Job]) -> None:
    for person in (people.alice, people.audrey, people.root, people.vera):
        who, _client = made(person)
        assert allowed(who, jobs) == allowed(person.principal, jobs)


def test_a_refused_call_says_which_scope_is_missing(people: People) -> None:
    job = make_job(people.root.user, [ATTEMPT], team=people.red)
    body = {"kind": "test-say", "params": {}}
    Credential.objects.create(name="db", type="password", team=people.red)
    calls: dict[str, tuple[str, Callable[[Client], object]]] = {
        "list": ("read", lambda c: c.get("/api/jobs")),
        "one": ("read", lambda c: c.get(f"/api/jobs/{job.pk}")),
        "audit": ("read", lambda c: c.get("/api/audit")),
        "verify": ("read", lambda c: c.get(f"/api/jobs/{job.pk}/verify")),
        "seal": ("read", lambda c: c.get(f"/api/jobs/{job.pk}/seal")),
        "ticket": ("read", lambda c: post(c, f"/api/jobs/{job.pk}/tickets")),
        "submit": ("submit", lambda c: post(c, "/api/jobs", body)),
        "plan": ("submit", lambda c: post(c, "/api/plan", body)),
        "cancel": ("steer", lambda c: post(c, f"/api/jobs/{job.pk}/cancel")),
        "approve": ("steer", lambda c: post(c, f"/api/jobs/{job.pk}/approve")),
        "signal": ("steer", lambda c: post(c, f"/api/jobs/{job.pk}/signal", {"name": "x"})),
        "retry": ("steer", lambda c: post(c, f"/api/jobs/{job.pk}/retry")),
        "fork": ("steer", lambda c: post(c, f"/api/jobs/{job.pk}/fork")),
        "fork's plan": ("steer", lambda c: c.get(f"/api/jobs/{job.pk}/fork")),
        "schedules": ("admin", lambda c: c.get("/api/schedules")),
        "tokens": ("admin", lambda c: c.get("/api/tokens")),
        "new credential": ("admin", lambda c: post(c, "/api/credentials", CREDENTIAL)),
        "lost credential": ("admin", lambda c: c.delete("/api/credentials/db")),
        "subscriptions": ("admin", lambda c: c.get("/api/subscriptions")),
        "new subscription": ("admin", lambda c: post(c, "/api/subscriptions", SUBSCRIPTION)),
        "lost subscription": ("admin", lambda c: c.delete(f"/api/subscriptions/{job.pk}")),
        "test subscription": ("admin", lambda c: post(c, f"/api/subscriptions/{job.pk}/test")),
        "revoke": ("admin", lambda c: c.delete("/api/tokens/1")),
    }
    for name, (needed, call) in calls.items():
        _who, client = made(people.root, *(one for one in ALL_SCOPES if one != needed))
        answer: object = call(client)
        problem = answer.json()  # type: ignore[attr-defined]
        told = (name, answer.status_code, problem["code"], problem.get("missing_scope"))  # type: ignore[attr-defined]
        assert told == (name, 403, "forbidden", needed)
        assert problem["detail"] == f"This token lacks the scope {needed}."


def test_a_token_that_does_not_read_steers_and_submits_all_the_same(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    other = make_job(people.carol.user, [ATTEMPT], team=people.blue)
    _who, client = made(people.alice, "submit", "steer")
    assert post(client, f"/api/jobs/{job.pk}/pause").status_code == 202
    assert post(client, f"/api/jobs/{other.pk}/pause").status_code == 404
    sent = post(client, "/api/jobs", {"kind": "test-say", "params": {}})
    assert sent.status_code == 201


def test_a_token_for_one_kind_sees_and_does_only_that(people: People) -> None:
    mine = make_job(people.root.user, [ATTEMPT])
    other = make_job(people.root.user, [ATTEMPT], kind="command")
    who, client = made(people.root, "read", "submit", "steer", kind="load")
    assert [one["id"] for one in client.get("/api/jobs").json()["jobs"]] == [str(mine.pk)]
    for call in (
        client.get(f"/api/jobs/{other.pk}"),
        post(client, f"/api/jobs/{other.pk}/cancel"),
        post(client, f"/api/jobs/{other.pk}/tickets"),
    ):
        assert call.status_code == 404
    assert [kind["name"] for kind in client.get("/api/kinds").json()["kinds"]] == ["load"]
    for path in ("/api/jobs", "/api/plan"):
        wish = {"kind": "command", "params": {"command": "true"}}
        refused = post(client, path, wish)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "only for jobs of the kind load" in refused.json()["detail"]
    with pytest.raises(RepriseError):
        retry(who, other.pk, "all")
    assert visibility.allowed_acts(who, mine) != []
    assert visibility.allowed_acts(who, other) == []
    with pytest.raises(Forbidden):
        visibility.require_act(who, "steer", other)


def test_a_token_for_one_team_submits_for_that_team(people: People) -> None:
    people.blue.members.add(people.alice.user)
    theirs = make_job(people.bob.user, [ATTEMPT], team=people.red)
    body = {"kind": "test-say", "params": {}}
    plain = post(people.alice.client(), "/api/jobs", body)
    assert plain.json()["team"] == "blue"  # the first of hers by name
    _who, client = made(people.alice, "read", "submit", team="red")
    mine = post(client, "/api/jobs", body)
    assert (mine.status_code, mine.json()["team"]) == (201, "red")
    seen = {one["id"] for one in client.get("/api/jobs").json()["jobs"]}
    assert seen == {str(theirs.pk), mine.json()["id"]}
    people.red.members.remove(people.alice.user)
    assert post(client, "/api/jobs", body).status_code == 403


def test_a_repeated_request_tells_no_token_of_another_teams_job(people: People) -> None:
    people.blue.members.add(people.alice.user)
    body = {"kind": "test-say", "params": {}}
    key = {"Idempotency-Key": "once"}
    _who, blue = made(people.alice, "submit", team="blue")
    _who, red = made(people.alice, "submit", team="red")
    assert post(blue, "/api/jobs", body, **key).status_code == 201
    assert post(blue, "/api/jobs", body, **key).status_code == 200
    refused = post(red, "/api/jobs", body, **key)
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")


def test_the_audit_and_its_export_have_what_the_scope_covers(people: People) -> None:
    mine = make_job(people.root.user, [ATTEMPT])
    make_job(people.root.user, [ATTEMPT], kind="command")
    feed_everything()
    _who, client = made(people.audrey, "read", kind="load")
    events = client.get("/api/audit").json()["events"]
    assert {one["job"] for one in events} == {str(mine.pk)}


def test_a_ticket_opens_what_the_token_sees_now(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    who, _client = made(people.alice, "read", kind="load")
    ticket, _until = tickets.make_ticket(who, job.pk, 60)
    later, _until = tickets.make_ticket(who, job.pk, 60)
    found = tickets.redeem_ticket(ticket, job.pk)
    assert (found.scope, found.token, found.actor) == (who.scope, who.token, who.actor)
    ApiToken.objects.filter(pk=who.token or 0).update(kind="command")
    with pytest.raises(NotFound):
        tickets.redeem_ticket(later, job.pk)


def test_what_concerns_all_takes_a_token_for_all(people: People) -> None:
    _who, client = made(people.root, "read", kind="load")
    assert client.get("/api/schedules").status_code == 403
    with pytest.raises(RepriseError):
        made(people.root, "admin", kind="load")


def test_a_token_revokes_itself_whatever_its_scopes(people: People) -> None:
    who, client = made(people.alice, "submit")
    assert client.delete(f"/api/tokens/{who.token}").status_code == 200
    assert client.get("/api/jobs").status_code == 401


def test_an_answer_at_a_gate_takes_the_scope_steer(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT, GATE], team=people.red, kind="test-say")
    who, client = made(people.bob, "read")
    shown = client.get(f"/api/jobs/{job.pk}").json()
    assert shown["can"] == []
    assert shown["refused"] == {"go": "This token lacks the scope steer."}
    with pytest.raises(Forbidden):
        commands.approve(who, job.pk)
    steers, _client = made(people.bob, "steer")
    commands.approve(steers, job.pk)
