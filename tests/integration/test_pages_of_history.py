"""Pages of history: immutable resources of a thousand events each, byte for byte the log's text."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest
import zstandard

from core.db import in_thread
from jobs.access import tokens
from jobs.events import EventType
from jobs.log import cursor_of
from jobs.models import ApiToken
from tests.support.factories import output
from tests.support.live_server import SERVERS, LiveServer, live_server, outputs
from tests.support.people import post
from tests.support.services import Services

TEXT = 'é\u2028\r\n"}],data: '
FULL = {"private", "max-age=31536000", "immutable"}
CODINGS = ["identity", "gzip", "zstd"]
# What the log after a cursor is asked for as, and what it is coded as then.
FORMS = {"application/x-ndjson": "identity", "application/zstd": "zstd"}


@pytest.fixture(scope="module", params=SERVERS)
def scene(services: Services, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url, request.param) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def job(scene: LiveServer) -> UUID:
    """A running job of 2,502 events."""
    return scene.job(outputs(2500, TEXT))


@pytest.fixture(scope="module")
def rows(scene: LiveServer, job: UUID) -> list[str]:
    return scene.rows(job)


@pytest.fixture(scope="module")
def large(scene: LiveServer) -> UUID:
    """A job whose only full page has 9 MB of text, and one more event."""
    return scene.job([*(output("x" * 9_000) for _ in range(998)), output("last")])


def ask(
    scene: LiveServer, path: str, method: str = "GET", *, decode: bool = True, **headers: str
) -> httpx.Response:
    """Ask for a path under the API's jobs as alice, unless the headers name somebody else."""
    asked = scene.people.alice.headers | {"Accept-Encoding": "identity"}
    asked |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{scene.web.url}/api/jobs/{path}"
    with httpx.Client(timeout=60) as client, client.stream(method, url, headers=asked) as answer:
        body = answer.read() if decode else b"".join(answer.iter_raw())
    return httpx.Response(
        answer.status_code, headers=[
            (k, v) for k, v in answer.headers.multi_items() if k != "content-encoding"
        ], content=body, extensions={"coding": answer.headers.get("Content-Encoding")},
    )  # fmt: skip


def lines(texts: list[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def decoded(answer: httpx.Response) -> bytes:
    """Return the body of an answer that was read raw."""
    return decode_as(answer.extensions["coding"], answer.content)


def decode_as(coding: str | None, body: bytes) -> bytes:
    match coding:
        case "gzip":
            return gzip.decompress(body)
        case "zstd":
            return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read()
    return body


def directives(answer: httpx.Response) -> set[str]:
    return set(answer.headers["Cache-Control"].split(", "))


def test_the_list_has_the_cursors_of_all_full_pages(
    scene: LiveServer, job: UUID, rows: list[str]
) -> None:
    answer = ask(scene, f"{job}/pages")
    assert answer.json() == {
        "job": str(job), "size": 1000, "head": 2502,
        "pages": [cursor_of(rows[999]), cursor_of(rows[1999])], "next": None,
    }  # fmt: skip
    assert directives(answer) == {"private", "no-cache"}
    again = ask(scene, f"{job}/pages", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert ask(scene, f"{job}/pages?after=1000").json()["pages"] == [cursor_of(rows[1999])]
    assert ask(scene, f"{job}/pages?after=1001").json()["pages"] == [cursor_of(rows[1999])]
    assert ask(scene, f"{job}/pages?after=2000").json()["pages"] == []


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("last", [1000, 2000])
def test_a_page_is_the_logs_text_and_may_be_kept_for_ever(
    scene: LiveServer, job: UUID, rows: list[str], coding: str, last: int
) -> None:
    path = f"{job}/pages/{cursor_of(rows[last - 1])}"
    answer = ask(scene, path, decode=False, Accept_Encoding=coding)
    assert decoded(answer) == lines(rows[last - 1000 : last])
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.extensions["coding"] == (coding if coding != "identity" else None)
    assert directives(answer) == FULL
    varies = {name.strip() for name in answer.headers["Vary"].split(",")}
    assert varies == {"Accept-Encoding", "Authorization", "Cookie"}
    assert answer.headers["ETag"].startswith('"')


def test_each_coding_has_its_own_strong_etag_and_304(
    scene: LiveServer, job: UUID, rows: list[str]
) -> None:
    path = f"{job}/pages/{cursor_of(rows[999])}"
    etags = {}
    for coding in CODINGS:
        etags[coding] = ask(scene, path, Accept_Encoding=coding).headers["ETag"]
        own = ask(scene, path, Accept_Encoding=coding, If_None_Match=f'"x", {etags[coding]}')
        assert (own.status_code, own.content) == (304, b"")
        assert (own.headers["ETag"], directives(own)) == (etags[coding], FULL)
        assert "Vary" in own.headers
    assert len(set(etags.values())) == len(CODINGS)
    other = ask(scene, path, Accept_Encoding="gzip", If_None_Match=etags["zstd"])
    assert other.status_code == 200


WANTED = {
    "gzip, deflate, br, zstd": "zstd", "gzip;q=1.0, zstd;q=0.5": "gzip", "gzip, zstd;q=0": "gzip",
    "br": None, "": None, "*": "zstd", "identity;q=0": None, "x;q=nonsense, ZSTD": "zstd",
}  # fmt: skip


@pytest.mark.parametrize("asked", WANTED)
def test_the_client_chooses_the_coding(
    scene: LiveServer, job: UUID, rows: list[str], asked: str
) -> None:
    path = f"{job}/pages/{cursor_of(rows[999])}"
    answer = ask(scene, path, decode=False, Accept_Encoding=asked)
    assert answer.extensions["coding"] == WANTED[asked]
    assert decoded(answer) == lines(rows[:1000])


@pytest.mark.parametrize("coding", CODINGS)
def test_head_has_the_headers_alone(
    scene: LiveServer, job: UUID, rows: list[str], coding: str
) -> None:
    for path in (f"{job}/pages/{cursor_of(rows[999])}", f"{job}/pages/1000", f"{job}/pages"):
        got = ask(scene, path, decode=False, Accept_Encoding=coding)
        head = ask(scene, path, "HEAD", decode=False, Accept_Encoding=coding)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("ETag", "Cache-Control", "Content-Length", "Content-Type"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


def test_a_page_by_number_names_its_lasting_address(
    scene: LiveServer, job: UUID, rows: list[str]
) -> None:
    answer = ask(scene, f"{job}/pages/2000")
    assert answer.content == lines(rows[1000:2000])
    assert directives(answer) == {"private", "no-cache"}
    lasting = f"/api/jobs/{job}/pages/{cursor_of(rows[1999])}"
    assert answer.headers["Content-Location"] == lasting
    etag = ask(scene, lasting.removeprefix("/api/jobs/")).headers["ETag"]
    assert answer.headers["ETag"] == etag
    assert ask(scene, f"{job}/pages/2000", If_None_Match=etag).status_code == 304


@pytest.mark.parametrize("coding", CODINGS)
async def test_the_last_page_has_what_is_there_now(scene: LiveServer, coding: str) -> None:
    job = await scene.new_job(outputs(998))
    path = f"{job}/pages/2000"
    for count in (0, 2, 5):
        await scene.append(job, *outputs(count)) if count else None
        answer = await asyncio.to_thread(ask, scene, path, decode=False, Accept_Encoding=coding)
        assert decoded(answer) == lines(scene.rows(job)[1000:])
        assert "no-store" in directives(answer)
        assert answer.status_code == 200


REFUSED = {
    "pages/x": (400, "bad_cursor"), "pages/01": (400, "bad_cursor"),
    "pages/-1": (400, "bad_cursor"),
    "pages/1000-xyz": (400, "bad_cursor"), f"pages/{2**63}": (400, "bad_cursor"),
    "pages/0": (404, "not_found"), "pages/1": (404, "not_found"), "pages/1500": (404, "not_found"),
    "pages/1500-00000000": (404, "not_found"), "pages/4000": (409, "cursor_ahead"),
    f"pages/{2**62 // 1000 * 1000}": (409, "cursor_ahead"),
    "pages/3000-00000000": (409, "cursor_ahead"),
    "pages/1000-00000000": (409, "history_diverged"), "pages?after=2503": (409, "cursor_ahead"),
    "pages?after=1000-00000000": (409, "history_diverged"), "pages?after=x": (400, "bad_cursor"),
}  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_a_refusal_says_why_and_is_kept_by_no_cache(
    scene: LiveServer, job: UUID, path: str
) -> None:
    answer = ask(scene, f"{job}/{path}", If_None_Match="*")
    assert (answer.status_code, answer.json()["code"]) == REFUSED[path]
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("end", ["pages", "pages/1000", "pages/1000-{hash}"])
def test_who_may_not_see_the_job_gets_nothing(
    scene: LiveServer, job: UUID, rows: list[str], end: str
) -> None:
    path = end.format(hash=rows[999][-66:-58])
    etag = ask(scene, f"{job}/{path}").headers["ETag"]
    for who, said in (
        (scene.people.carol.headers, (404, "not_found")),
        ({"Authorization": "Bearer rp_nonsense"}, (401, "not_signed_in")),
        ({"Authorization": ""}, (401, "not_signed_in")),
    ):
        own = who["Authorization"]
        for accept in ("application/json", "application/x-ndjson"):
            answer = ask(
                scene, f"{job}/{path}", If_None_Match=etag, Accept=accept, Authorization=own
            )
            assert (answer.status_code, answer.json()["code"]) == said
    for unknown in (str(uuid4()), "nonsense"):
        assert ask(scene, f"{unknown}/{path}").status_code == 404


async def test_a_token_needs_the_scope_and_the_kind(scene: LiveServer, job: UUID) -> None:
    alice = scene.people.alice.user

    def answers() -> list[int]:
        found = []
        for names, kind in (("read",), ""), (("submit", "steer"), ""), (("read",), "command"):
            name = f"p{ApiToken.objects.count()}"
            _token, raw = tokens.make_token(alice, name, scope_names=names, kind=kind)
            for path in ("pages", "pages/1000"):
                got = ask(scene, f"{job}/{path}", Authorization=f"Bearer {raw}")
                found.append(got.status_code)
        return found

    assert await in_thread(answers) == [200, 200, 403, 403, 404, 404]


@pytest.mark.parametrize("path", ["pages", "pages/1000", "large"])
def test_a_ticket_opens_one_answer(scene: LiveServer, job: UUID, large: UUID, path: str) -> None:
    asked, path = (large, "pages/1000") if path == "large" else (job, path)
    ticket = post(scene.people.alice.client(), f"/api/jobs/{asked}/tickets", {}).json()["ticket"]
    address = f"{asked}/{path}?ticket={ticket}"
    answers = [ask(scene, address, Authorization="") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 401]
    assert answers[0].headers["Access-Control-Allow-Origin"] == "*"
    rows = scene.rows(asked)
    assert path == "pages" or answers[0].content == lines(rows[:1000])


@pytest.mark.parametrize("coding", CODINGS)
def test_a_page_of_large_events_comes_whole(scene: LiveServer, large: UUID, coding: str) -> None:
    rows = scene.rows(large)
    answer = ask(
        scene, f"{large}/pages/{cursor_of(rows[999])}", decode=False, Accept_Encoding=coding
    )
    assert decoded(answer) == lines(rows[:1000])
    assert directives(answer) == FULL
    etag = answer.headers["ETag"]
    again = ask(scene, f"{large}/pages/1000", Accept_Encoding=coding, If_None_Match=etag)
    assert again.status_code == 304


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("after", [0, 1, 999, 1000, 1500, 2000, 2400, 2502])
def test_joined_pages_are_the_log_after_a_cursor(
    scene: LiveServer, job: UUID, rows: list[str], after: int, form: str
) -> None:
    cursor = cursor_of(rows[after - 1]) if after else "0"
    for asked in {str(after), cursor}:
        path = f"{job}/pages?after={asked}"
        answer = ask(scene, path, decode=False, Accept=form, Accept_Encoding="gzip, zstd")
        assert (answer.headers["Content-Type"], answer.extensions["coding"]) == (form, "identity")
        assert decode_as(FORMS[form], answer.content) == lines(rows[after:])
        assert "no-store" in directives(answer)


def test_joined_pages_of_large_events_come_whole(scene: LiveServer, large: UUID) -> None:
    path = f"{large}/pages?after=3"
    for form, coding in FORMS.items():
        answer = ask(scene, path, decode=False, Accept=form)
        assert decode_as(coding, answer.content) == lines(scene.rows(large)[3:])


async def test_a_page_is_made_once_for_all_who_ask_at_once(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(998, "shared"))
    before = await asyncio.to_thread(scene.counters)
    url = f"{scene.web.url}/api/jobs/{job}/pages/1000"
    headers = scene.people.alice.headers | {"Accept-Encoding": "zstd"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        answers = await asyncio.gather(*(client.get(url) for _ in range(20)))
    assert {answer.content for answer in answers} == {lines(scene.rows(job))}
    after = await asyncio.to_thread(scene.counters)
    name = 'pages_made_total{of="zstd"}'
    assert after[name] - before.get(name, 0) == 1


async def test_a_running_job_fills_its_page(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(997))
    assert (await asyncio.to_thread(ask, scene, f"{job}/pages")).json()["pages"] == []
    partial = await asyncio.to_thread(ask, scene, f"{job}/pages/1000")
    assert "no-store" in directives(partial)
    await scene.finish(job, EventType.JOB_FAILED)
    full = await asyncio.to_thread(ask, scene, f"{job}/pages/1000")
    assert full.content == lines(scene.rows(job))
    listed = (await asyncio.to_thread(ask, scene, f"{job}/pages")).json()
    assert listed["pages"] == [full.headers["Content-Location"].rsplit("/", 1)[1]]
    assert json.loads(full.content.splitlines()[-1])["type"] == "job.failed"
