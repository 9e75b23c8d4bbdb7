"""nginx keeps pages of history by the project's configuration: for each user, and no longer."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx
import pytest
import zstandard

from jobs.access import tokens
from tests.acceptance.proxy import Proxy, in_front_of
from tests.support.clients import session
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.people import post
from tests.support.services import Services
from tests.support.waiting import until


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with services.database() as url, live_server(url, services.valkey.url) as started:
        yield started


@pytest.fixture(scope="module")
def proxy(scene: LiveServer) -> Iterator[Proxy]:
    # Where we are root, its worker is another user, who cannot enter pytest's own folders.
    with TemporaryDirectory(prefix="reprise-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with in_front_of(scene.web.url, folder, keeps_pages=True) as running:
            yield running


@pytest.fixture
def job(scene: LiveServer) -> UUID:
    return scene.job(outputs(1200))


def page_of(scene: LiveServer, job: UUID) -> tuple[str, bytes]:
    """Return the path of a job's first page, and its text."""
    rows = scene.rows(job)[:1000]
    path = f"/api/jobs/{job}/pages/1000-{rows[-1][-66:-58]}"
    return path, "".join(f"{row}\n" for row in rows).encode()


def ask(proxy: Proxy, path: str, headers: dict[str, str], coding: str = "gzip") -> httpx.Response:
    """Ask, with a cookie that a browser would have beside."""
    asked = headers | {"Accept-Encoding": coding}
    return httpx.get(f"{proxy.url}{path}", headers=asked, timeout=60, trust_env=False)


def sent_pages(scene: LiveServer) -> int:
    """Return how many events of pages the service has sent."""
    return scene.counters().get('sent_events_total{of="pages"}', 0)


def test_the_service_sends_a_page_once_to_each_user(
    scene: LiveServer, proxy: Proxy, job: UUID
) -> None:
    path, text = page_of(scene, job)
    people = scene.people
    browser = session(people.vera.browser())
    before = sent_pages(scene)
    for who in (people.alice.headers, people.bob.headers, browser):
        for _ in range(5):
            answer = ask(proxy, path, who)
            assert (answer.status_code, answer.content) == (200, text)
            assert "immutable" in answer.headers["Cache-Control"]
    assert sent_pages(scene) - before == 3 * 1000
    kept = [file.read_bytes() for file in proxy.folder.glob("kept/**/*") if file.is_file()]
    assert len(kept) >= 3
    secrets = [people.alice.raw, people.bob.raw, *browser["Cookie"].split("=")]
    assert not any(
        secret.encode() in text for secret in secrets if len(secret) > 20 for text in kept
    )


def test_each_coding_is_kept_apart(scene: LiveServer, proxy: Proxy, job: UUID) -> None:
    path, text = page_of(scene, job)
    url, own = f"{proxy.url}{path}", scene.people.alice.headers
    for coding in ("gzip", "zstd", "identity") * 2:
        with httpx.stream(
            "GET", url, headers=own | {"Accept-Encoding": coding}, trust_env=False, timeout=60
        ) as answer:
            raw = b"".join(answer.iter_raw())
        match answer.headers.get("Content-Encoding"):
            case "gzip":
                raw = gzip.decompress(raw)
            case "zstd":
                raw = zstandard.ZstdDecompressor().decompress(raw)
        assert (raw, answer.headers["ETag"].endswith(f'-{coding}"')) == (text, True)


def test_nobody_gets_what_another_was_sent(scene: LiveServer, proxy: Proxy, job: UUID) -> None:
    path, _text = page_of(scene, job)
    assert ask(proxy, path, scene.people.alice.headers).status_code == 200
    for who, status in (
        (scene.people.carol.headers, 404),
        ({}, 401),
        ({"Authorization": "Bearer rp_nonsense"}, 401),
    ):
        assert ask(proxy, path, who).status_code == status


def test_who_may_not_any_more_is_refused(scene: LiveServer, proxy: Proxy, job: UUID) -> None:
    path, _text = page_of(scene, job)
    token, raw = tokens.make_token(scene.people.bob.user, "for a while")
    own = {"Authorization": f"Bearer {raw}"}
    assert ask(proxy, path, own).status_code == 200
    token.delete()
    until(lambda: ask(proxy, path, own).status_code == 401, "nginx to ask again")
    assert ask(proxy, path, own).status_code == 401


def test_a_ticket_opens_one_answer(scene: LiveServer, proxy: Proxy, job: UUID) -> None:
    path, text = page_of(scene, job)
    ticket = post(scene.people.alice.client(), f"/api/jobs/{job}/tickets", {}).json()["ticket"]
    answers = [ask(proxy, f"{path}?ticket={ticket}", {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].content == text
