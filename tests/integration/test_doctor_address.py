"""`reprise-admin doctor --url`: what real requests through real proxies show of an address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from django.conf import settings
from django.test import override_settings

from core import arrival
from jobs.doctor import Grade
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.acceptance.proxy import in_front_of
from tests.support.certificates import certificate
from tests.support.doctor import find
from tests.support.live_server import LiveServer, Web, live_server, serving
from tests.support.proxies import running
from tests.support.services import Services

OK, WARNING, PROBLEM = Grade.OK, Grade.WARNING, Grade.PROBLEM
BARE, NO_UPGRADE = "nginx, bare", "nginx without Upgrade"
IGNORING = "nginx that ignores X-Accel-Buffering"
Found = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    """A web process that believes the proxies here."""
    with (
        services.database() as url,
        live_server(url, services.valkey.url, REPRISE_TRUSTED_PROXIES="127.0.0.1") as started,
    ):
        yield started


@pytest.fixture(scope="module")
def unbelieving(scene: LiveServer) -> Iterator[Web]:
    """One that believes nobody, beside it."""
    with serving(scene.database_url, settings.REPRISE.redis_url) as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that nginx' worker, another user where we are root, can enter."""
    with TemporaryDirectory(prefix="reprise-nginx-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def doctor(url: str, **env: str) -> Found:
    """Run the command; return grade and words of each check."""
    own = {"REDIS_URL": settings.REPRISE.redis_url, "REPRISE_SECRET_KEY": settings.SECRET_KEY}
    given = os.environ | {"DATABASE_URL": settings.REPRISE.database_url} | own | env
    ran = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json", "--url", url], cwd=ROOT, env=given,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    findings = json.loads(ran.stdout)["findings"]
    return {one["check"]: (one["grade"], one["said"]) for one in findings}


def test_as_documented_all_is_well(scene: LiveServer, folder: Path) -> None:
    made = certificate(folder, days=60)
    with in_front_of(scene.web.url, folder, certificate=made) as proxy:
        env = {"SSL_CERT_FILE": str(made[0]), "REPRISE_SECURE_COOKIES": "1"}
        found = doctor(proxy.url, **env)
    names = ("address", "tls", "cookies", "buffering", "proxies", "websocket")
    assert {name: found[name] for name in names if found[name][0] != OK} == {}
    assert found["proxies"][1].endswith("from 127.0.0.1")


def test_a_proxy_that_nobody_has_named(unbelieving: Web, folder: Path) -> None:
    made = certificate(folder, days=60)
    with in_front_of(unbelieving.url, folder, certificate=made) as proxy:
        found = doctor(proxy.url, SSL_CERT_FILE=str(made[0]))
    assert "127.0.0.1: name it in REPRISE_TRUSTED_PROXIES" in found["proxies"][1]
    assert "refuses pages of https://localhost" in found["websocket"][1]
    assert found["proxies"][0] == found["websocket"][0] == PROBLEM


def test_certificates(scene: LiveServer, folder: Path) -> None:
    made = certificate(folder, days=20)
    with in_front_of(scene.web.url, folder, certificate=made) as proxy:
        found = doctor(proxy.url, SSL_CERT_FILE=str(made[0]))
        unknown = doctor(proxy.url)
    assert found["tls"][0] == WARNING
    assert found["tls"][1].endswith("19 days: renew it")
    assert found["cookies"] == (PROBLEM, "also sent over plain HTTP: set REPRISE_SECURE_COOKIES=1")
    assert unknown["address"][0] == PROBLEM
    assert "certificate verify failed" in unknown["address"][1]
    assert unknown["tls"] == (WARNING, "not checked: see address")


def test_an_expired_certificate(scene: LiveServer, folder: Path) -> None:
    made = certificate(folder, days=-1)
    with in_front_of(scene.web.url, folder, certificate=made) as proxy:
        found = doctor(proxy.url, SSL_CERT_FILE=str(made[0]))
    assert "certificate has expired" in found["address"][1]


def test_proxies_that_are_not_set_up_for_streams(scene: LiveServer) -> None:
    with running([BARE, NO_UPGRADE, IGNORING], scene.web.port) as urls:
        found = find("buffering", url=urls[IGNORING])
        assert (found.grade, "holds streams back" in found.said) == (PROBLEM, True)
        for name in (BARE, NO_UPGRADE):
            assert find("buffering", url=urls[name]).grade == OK, name
            found = find("websocket", url=urls[name])
            assert (found.grade, "pass Upgrade" in found.said) == (PROBLEM, True), found
        assert "let the proxy pass Host on" in find("proxies", url=urls[BARE]).said


def test_a_proxy_that_believes_clients(scene: LiveServer, unbelieving: Web) -> None:
    found = find("proxies", url=scene.web.url)  # as if one before it passed all headers on
    assert (found.grade, "own X-Forwarded-For is believed" in found.said) == (PROBLEM, True)
    found = find("proxies", url=unbelieving.url)
    assert (found.grade, found.said.endswith("from 127.0.0.1")) == (OK, True), found


def test_addresses_that_do_not_serve_this_installation(scene: LiveServer) -> None:
    nobody = find("address", url=f"http://127.0.0.1:{ports.free()}")
    assert (nobody.grade, "refused" in nobody.said) == (PROBLEM, True)
    elsewhere = scene.web.url.replace("127.0.0.1", "127.0.0.2")
    assert find("address", url=elsewhere).grade == PROBLEM
    assert find("address", url="reprise.example.org").said.startswith("reprise.example.org is no")
    assert find("address").grade == WARNING
    with override_settings(SECRET_KEY="another key, as another installation has it"):
        assert "another REPRISE_SECRET_KEY" in find("buffering", url=scene.web.url).said


def test_plain_http(scene: LiveServer) -> None:
    assert find("tls", url=scene.web.url).grade == WARNING
    with override_settings(REPRISE=settings.REPRISE.with_changes(secure_cookies=True)):
        assert "never sent over plain HTTP" in find("cookies", url=scene.web.url).said


def test_nobody_else_learns_how_requests_arrive(scene: LiveServer) -> None:
    address = f"{scene.web.url}{arrival.PATH}"
    for headers in ({}, {arrival.HEADER: "x"}, {arrival.HEADER: f"{arrival.make_proof()}x"}):
        answer = httpx.get(address, headers=headers, trust_env=False, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    odd = httpx.get(address.replace("doctor", "nonsense"), trust_env=False, timeout=60)
    assert odd.json() == answer.json()
