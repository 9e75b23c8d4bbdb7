"""What surrounds the API: health, its documentation, the admin, headers, CSP reports."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings
from django.test import override_settings

from core.asgi import application
from core.db import in_thread
from jobs.queue.maintenance import Duty
from ops.embedded import ports
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, django_client
from tests.support.services import Services, with_database


async def get(path: str) -> httpx.Response:
    service = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=service, base_url="http://localhost") as client:
        return await client.get(path)


async def test_a_service_with_all_it_needs_is_ready(database: str, redis: str) -> None:
    await in_thread(Duty("feed", lambda: None, 1).run_if_due)
    answer = await get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ready"
    assert {name for name, value in body.items() if isinstance(value, dict) and value["ok"]} == {
        "database",
        "migrations",
        "partitions",
        "redis",
        "pages",
        "sweeper",
        "consumers",
        "schedules",
        "kinds",
    }


async def test_a_missing_front_end_is_not_ready(database: str, redis: str, tmp_path: Path) -> None:
    vite = {"default": {"dev_mode": False, "manifest_path": tmp_path / "manifest.json"}}
    with override_settings(DJANGO_VITE=vite):
        answer = await get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["pages"]["problem"] == "the front end is not built: run ops/install"


async def test_what_is_missing_is_named(database: str, services: Services) -> None:
    address = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with psycopg.connect(address) as owner:
        owner.execute("delete from django_migrations where app = 'jobs'")
    nowhere = settings.REPRISE.with_changes(redis_url=f"redis://127.0.0.1:{ports.free()}/0")
    with override_settings(REPRISE=nowhere):
        answer = await get("/readyz")

    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "not ready"
    assert body["database"]["ok"] is True
    assert "manage.py migrate" in body["migrations"]["problem"]
    assert body["redis"] == {"ok": False, "problem": "ConnectionError", "ms": body["redis"]["ms"]}


async def test_a_process_without_anything_is_still_alive() -> None:
    answer = await get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "alive")


def directives(answer: Any) -> dict[str, str]:
    parts = [part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")]
    return {name: rest[0] if rest else "" for name, *rest in parts}


def test_every_answer_carries_the_security_headers(people: People) -> None:
    pages = ("/sign-in", "/api/jobs", "/api/docs", "/healthz", "/nowhere", "/admin/login/")
    for path in pages:
        answer = people.alice.client().get(path)
        policy = directives(answer)
        assert (path, policy["default-src"]) == (path, "'none'")
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["report-uri"] == "/csp-report"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_documentation_is_for_who_is_signed_in(people: People) -> None:
    asked = django_client(Accept="text/html").get("/api/docs")
    assert (asked.status_code, asked["Location"]) == (302, "/sign-in?next=/api/docs")

    page = people.alice.browser().get("/api/docs").content.decode()
    assert "/static/ninja/swagger-ui-bundle.js" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_the_openapi_document_names_every_call(people: People) -> None:
    document = people.alice.client().get("/api/openapi.json").json()
    calls = {f"{method} {path}" for path, all_ in document["paths"].items() for method in all_}
    assert calls == {
        "post /api/jobs",
        "get /api/jobs",
        "get /api/jobs/{job_id}",
        *(
            f"post /api/jobs/{{job_id}}/{act}"
            for act in (
                "cancel",
                "pause",
                "resume",
                "approve",
                "reject",
                "signal",
                "retry",
                "fork",
                "tickets",
            )
        ),
        "get /api/jobs/{job_id}/fork",
        "get /api/jobs/{job_id}/verify",
        "get /api/jobs/{job_id}/seal",
        "get /api/jobs/{job_id}/compare/{other_id}",
        "get /api/kinds",
        "get /api/kinds/{name}/statistics",
        "get /api/targets/{name}/history",
        "get /api/choices",
        "get /api/rights",
        "post /api/plan",
        "get /api/audit",
        "get /api/tokens",
        "post /api/tokens",
        "delete /api/tokens/{token_id}",
        "get /api/credentials",
        "post /api/credentials",
        "patch /api/credentials/{name}",
        "delete /api/credentials/{name}",
        "get /api/subscriptions",
        "post /api/subscriptions",
        "patch /api/subscriptions/{subscription_id}",
        "delete /api/subscriptions/{subscription_id}",
        "post /api/subscriptions/{subscription_id}/test",
        "get /api/schedules",
        *(f"{method} /api/schedules/{{schedule_id}}" for method in ("get", "patch", "delete")),
    }
    assert set(document["components"]["securitySchemes"]) == {"BearerToken", "SessionCookie"}
    submit = document["paths"]["/api/jobs"]["post"]
    assert "Idempotency-Key" in [parameter["name"] for parameter in submit["parameters"]]
    assert {"200", "201", "401", "409", "422"} <= set(submit["responses"])


def test_the_admin_shows_jobs_and_changes_none(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    people.root.user.is_superuser = True
    people.root.user.save()
    admin = people.root.browser()
    for page in ("", "jobs/job/", f"jobs/job/{job.pk}/change/", "jobs/target/add/", "jobs/team/"):
        assert (page, admin.get(f"/admin/{page}").status_code) == (page, 200)
    index = admin.get("/admin/").content.decode()
    assert "/static/frontend/admin" in index
    assert "Back to Reprise" in index
    for page in ("jobs/job/add/", f"jobs/job/{job.pk}/delete/", "jobs/apitoken/add/"):
        assert (page, admin.get(f"/admin/{page}").status_code) == (page, 403)
    assert django_client().get("/admin/").status_code == 302


def report(body: bytes) -> int:
    answer = django_client().post("/csp-report", body, content_type="application/csp-report")
    return answer.status_code


async def test_csp_reports_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    before = (await get("/healthz")).json()["csp_reports"]
    reported = {
        "csp-report": {"blocked-uri": "inline\nFAKE LINE", "effective-directive": "style-src"}
    }
    bodies = [
        json.dumps(reported).encode(),
        b"",
        b"[",
        b"[" * 10_000,
        b"\xff",
        b"x" * 2 * 1024 * 1024,
    ]
    with caplog.at_level(logging.WARNING, "core.csp"):
        assert [await in_thread(report, body) for body in bodies] == [204] * len(bodies)

    assert (await get("/healthz")).json()["csp_reports"] == before + len(bodies)
    messages = [record.getMessage() for record in caplog.records if record.name == "core.csp"]
    assert '"effective-directive": "style-src"' in messages[0]
    assert not any("\n" in message for message in messages)
    assert (await get("/csp-report")).status_code == 405
