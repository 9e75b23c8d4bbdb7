"""What every answer tells a browser, as a service behind HTTPS gives it: headers and cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from jobs.events import EventType, NewEvent
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.raw_client import answered, ask, connected, read_to_end
from tests.support.services import Services

YEAR = 31_536_000
PASSWORD = "  a long one, of alice's, with ünusual signs  "
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    secure = {
        "REPRISE_SECURE_COOKIES": "1",
        "REPRISE_HSTS_SECONDS": str(YEAR),
        "REPRISE_TRUSTED_PROXIES": "127.0.0.1",
        "REPRISE_ROTATE_SECONDS": "0",
    }
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, **secure) as started,
    ):
        alice = started.people.alice.user
        alice.password = PBKDF2PasswordHasher().encode(PASSWORD, "a salt")  # as the server hashes
        alice.save()
        yield started


@pytest.fixture(scope="module")
def job(scene: LiveServer) -> UUID:
    return scene.job(outputs(2))


def get(scene: LiveServer, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    own = HTTPS | {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{scene.web.url}{path}"
    return httpx.request(method, url, headers=own, timeout=60, trust_env=False)


def tokened(scene: LiveServer) -> dict[str, str]:
    return scene.people.root.headers


ADDRESSES = {
    "a page": ("/sign-in", 200),
    "a page to sign in for": ("/history", 302),
    "no page": ("/nowhere", 404),
    "the API": ("/api/jobs", 200),
    "the API's document": ("/api/openapi.json", 200),
    "the audit": ("/api/audit", 200),
    "no address of the API": ("/api/nowhere", 404),
    "a static file": ("/static/frontend/favicon.svg", 200),
    "no static file": ("/static/nothing.js", 404),
    "health": ("/healthz", 200),
    "metrics": ("/metrics", 200),
    "an event stream": ("/api/jobs/{job}/stream", 200),
    "a long poll": ("/api/jobs/{job}/events", 200),
    "a stream of no job": ("/api/jobs/none/stream", 404),
    "the admin": ("/admin/", 302),
}


@pytest.fixture(params=ADDRESSES)
def answer(request: pytest.FixtureRequest, scene: LiveServer, job: UUID) -> httpx.Response:
    path, status = ADDRESSES[request.param]
    got = get(scene, path.format(job=job), **tokened(scene))
    assert got.status_code == status
    return got


def test_every_answer_has_a_policy_and_is_framed_by_nobody(answer: httpx.Response) -> None:
    assert_policy(answer)


def assert_policy(answer: httpx.Response) -> None:
    policy = answer.headers["Content-Security-Policy"]
    for directive in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert f"{directive} 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_every_answer_over_https_has_the_browser_stay_with_https(answer: httpx.Response) -> None:
    expected = f"max-age={YEAR}; includeSubDomains"
    assert answer.headers["Strict-Transport-Security"] == expected


def test_every_answer_says_what_it_is_and_in_which_encoding(answer: httpx.Response) -> None:
    if answer.content and (answer.headers["Content-Type"].startswith("text/")):
        assert "charset=utf-8" in answer.headers["Content-Type"]
    assert not answer.content or answer.headers["Content-Type"]


def test_no_answer_is_for_pages_of_elsewhere(scene: LiveServer, job: UUID) -> None:
    for path, _ in ADDRESSES.values():
        elsewhere = tokened(scene) | {"Origin": "https://evil.example"}
        got = get(scene, path.format(job=job), **elsewhere)
        assert "Access-Control-Allow-Origin" not in got.headers, path
        preflight = elsewhere | {"Access-Control-Request-Method": "POST"}
        asked = get(scene, path.format(job=job), "OPTIONS", **preflight)
        assert "Access-Control-Allow-Origin" not in asked.headers, path


def test_nothing_answers_trace(scene: LiveServer, job: UUID) -> None:
    for path, _ in ADDRESSES.values():
        got = get(scene, path.format(job=job), "TRACE", **tokened(scene), X_Echo="echoed")
        assert got.status_code == 405, path
        assert "echoed" not in got.text


def test_what_is_refused_before_it_is_read_has_a_policy_too(scene: LiveServer) -> None:
    with connected(scene.web.port) as connection:
        ask(connection, "/api/jobs?" + "x" * 20_000, {})
        refused = answered(read_to_end(connection))
    assert refused.status_code == 414
    assert_policy(refused)


@pytest.mark.parametrize(
    "path",
    ["/static/../core/settings.py", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%2fmanage.py",
     "/static/frontend/", "/static/", "/static/assets/", "/.git/config", "/static/.git/config",
     "/static//etc/passwd", "/static/%00"],
)  # fmt: skip
def test_only_static_files_are_served_and_no_folder_is_listed(scene: LiveServer, path: str) -> None:
    with connected(scene.web.port) as connection:  # as it stands: httpx would tidy it up
        ask(connection, path, {"Connection": "close"})
        assert answered(read_to_end(connection)).status_code in {400, 404}


def test_an_export_is_named_by_the_server(scene: LiveServer) -> None:
    job = scene.job([NewEvent(EventType.JOB_SUCCEEDED, {"message": "Well."})])
    named = {
        f"/api/jobs/{job}/events": f"job-{job}.ndjson",
        "/api/audit": "events.ndjson",
        "/api/audit?kind=load": "events.ndjson",
    }
    for path, name in named.items():
        answer = get(scene, path, Accept="application/x-ndjson", **tokened(scene))
        assert answer.headers.get("Content-Disposition") == f'attachment; filename="{name}"', path
    named_by_others = "/api/audit?filename=evil.exe%22%0d%0aX-Evil:1"
    assert get(scene, named_by_others, **tokened(scene)).status_code == 400


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """Return what is set, by name, with the attributes."""
    pairs = [text.partition("=") for text in answer.headers.get_list("Set-Cookie")]
    return {name: rest for name, _, rest in pairs}


def sign_in(scene: LiveServer, password: str, **cookies: str) -> httpx.Response:
    page = get(scene, "/sign-in")
    [(name, value)] = cookies_of(page).items()
    token = value.partition(";")[0]
    sent = "; ".join(f"{one}={text}" for one, text in {name: token, **cookies}.items())
    return httpx.post(
        f"{scene.web.url}/sign-in",
        data={"username": "alice", "password": password, "csrfmiddlewaretoken": token},
        headers=HTTPS | {"Cookie": sent, "Origin": scene.web.url.replace("http:", "https:")},
        trust_env=False,
        timeout=60,
    )


def test_cookies_are_bound_to_this_host_and_to_https(scene: LiveServer) -> None:
    set_by_pages = cookies_of(get(scene, "/sign-in")) | cookies_of(sign_in(scene, PASSWORD))
    assert len(set_by_pages) == 3
    for name, attributes in set_by_pages.items():
        assert name.startswith("__Host-"), name
        words = {word.strip() for word in attributes.split(";")}
        assert {"Secure", "Path=/", "SameSite=Lax"} <= words, name
        assert "Domain" not in attributes
        # The page reads the CSRF token to send it back: all others are the server's alone.
        assert ("HttpOnly" in words) == (name != "__Host-reprise_csrf"), name


def test_signing_in_makes_a_new_session_whatever_was_sent(scene: LiveServer) -> None:
    answer = sign_in(scene, PASSWORD)
    [session] = [name for name in cookies_of(answer) if "session" in name]
    fixed = "a" * 32
    planted = cookies_of(sign_in(scene, PASSWORD, **{session: fixed}))[session].partition(";")[0]
    assert planted != fixed
    assert re.fullmatch(r"[a-z0-9]{32}", planted)  # 32 of 36 signs: 165 bits
    again = cookies_of(sign_in(scene, PASSWORD, **{session: planted}))
    assert session not in again or again[session].partition(";")[0] != planted


def test_a_session_is_over_at_the_server_when_its_owner_signs_out(scene: LiveServer) -> None:
    cookies = cookies_of(sign_in(scene, PASSWORD))
    values = {name: text.partition(";")[0] for name, text in cookies.items()}
    own = "; ".join(f"{name}={value}" for name, value in values.items())
    assert get(scene, "/history", Cookie=own).status_code == 200
    form = {"csrfmiddlewaretoken": values["__Host-reprise_csrf"]}
    origin = {"Origin": scene.web.url.replace("http:", "https:")}
    httpx.post(
        f"{scene.web.url}/sign-out", data=form, headers=HTTPS | origin | {"Cookie": own}, timeout=60
    )
    assert get(scene, "/history", Cookie=own).status_code == 302


@pytest.mark.parametrize(
    "wrong", [PASSWORD.strip(), PASSWORD.upper(), PASSWORD[:-1], PASSWORD + "x"]
)
def test_a_password_is_taken_exactly_as_it_is_sent(scene: LiveServer, wrong: str) -> None:
    assert sign_in(scene, PASSWORD).status_code == 302
    assert sign_in(scene, wrong).status_code == 200


@pytest.mark.parametrize(
    "place", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(scene: LiveServer, place: str) -> None:
    page = get(scene, f"/sign-in?next={place}")
    assert place not in page.text
    staff = get(scene, f"/admin/login/?next={place}")
    assert httpx.URL(staff.headers["Location"]).host == ""
