"""The history's search and downloads: bounded, exact, harmless to a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from core.asgi import application
from core.db import in_thread
from frontend.views.history_download import COLUMNS, write_csv
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.feed import read
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.pages import Pages
from tests.support.people import People, Person

pytestmark = pytest.mark.usefixtures("database", "redis")

ODD = 'ä "quoted", =1+1\r\n<b>100 %_</b>\\'
PROGRESS = NewEvent(EventType.JOB_PROGRESSED, {"done": 1, "total": 2})


def two_jobs(people: People) -> tuple[Job, Job]:
    red = make_job(
        people.alice.user,
        [ATTEMPT, output(ODD), PROGRESS],
        team=people.red,
        title="=cmd|'/c calc'!A1",
    )
    blue = make_job(
        people.carol.user, [ATTEMPT, output("plain", target="gs-002")], team=people.blue
    )
    feed_everything()
    return red, blue


async def download(person: Person, query: str) -> httpx.Response:
    session = await in_thread(person.browser)
    cookies = {name: one.value for name, one in session.cookies.items()}
    service = httpx.ASGITransport(application)
    async with httpx.AsyncClient(
        transport=service, base_url="http://localhost", cookies=cookies
    ) as client:
        return await client.get(f"/history/download?{query}")


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_csv_has_every_event_in_its_own_words(people: People) -> None:
    red, _blue = await in_thread(two_jobs, people)
    answer = await download(people.alice, "format=csv&type=everything")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="events.csv"' in answer.headers["content-disposition"]
    lines = rows_of(answer)
    texts = (await in_thread(log.read, red.pk)).texts
    assert [line["event"] for line in lines] == texts
    assert [line["seq"] for line in lines] == ["1", "2", "3", "4"]
    assert {line["job"] for line in lines} == {str(red.pk)}
    assert {line["job_title"] for line in lines} == {"'=cmd|'/c calc'!A1"}
    assert json.loads(lines[2]["event"])["data"]["text"] == ODD
    assert lines[0]["actor"] == "user:alice"


async def test_filters_hold_for_downloads_and_who_may_not_see_gets_nothing(people: People) -> None:
    red, blue = await in_thread(two_jobs, people)
    everything = "format=ndjson&type=everything"
    found = (await download(people.audrey, everything)).text.splitlines()
    assert {json.loads(line)["job"] for line in found} == {str(red.pk), str(blue.pk)}
    assert [json.loads(line)["position"] for line in found] == list(range(1, 8))
    carols = (await download(people.carol, everything)).text
    assert str(red.pk) not in carols
    usual = rows_of(await download(people.audrey, "format=csv"))
    assert {line["type"] for line in usual} == {"job.submitted", "attempt.started"}
    target = rows_of(await download(people.audrey, "format=csv&type=everything&target=gs-002"))
    assert [line["job"] for line in target] == [str(blue.pk)]
    assert (await download(people.nobody, everything)).status_code == 403
    stranger = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=stranger, base_url="http://localhost") as client:
        assert (await client.get(f"/history/download?{everything}")).status_code == 401


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_a_formula_and_all_else_is_exact(begin: str) -> None:
    [line] = csv.reader(
        io.StringIO(write_csv([[f"{begin}1+1", "a=b", ODD, None]]).decode(), newline="")
    )
    assert line == [f"'{begin}1+1", "a=b", ODD, ""]


def test_lines_end_as_rfc_4180_has_them() -> None:
    assert write_csv([COLUMNS, ["a,b", 'c"d']]).endswith(b'event\r\n"a,b","c""d"\r\n')


def found_by(people: People, **query: Any) -> list[int]:
    answer = people.audrey.client().get("/api/audit", query)
    return [row["position"] for row in answer.json()["events"]]


def test_text_is_found_as_it_was_written(people: People) -> None:
    two_jobs(people)
    assert found_by(people, text='ä "QUOTED"') == [3]
    assert found_by(people, text="100 %_</b>\\") == [3]
    assert found_by(people, text="%") == [3]
    assert found_by(people, text="CALC'!a1") == [4, 3, 2, 1]  # the job's title
    assert found_by(people, text="plain", target="gs-002") == [7]
    assert found_by(people, target="gs-00") == []
    assert 4 not in found_by(people, progress=False)
    assert "gs-002" in Pages(people.audrey).read("/history", type="everything", text="plain").text


def test_a_search_goes_on_where_it_has_looked(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        make_job(people.alice.user, [ATTEMPT], team=people.red, title=f"Job {number}")
    feed_everything()
    monkeypatch.setattr(read, "SEARCHED_POSITIONS", 6)
    client, found, asked = people.audrey.client(), list[int](), 0
    query: dict[str, Any] = {"text": "job 0"}
    while True:
        page = client.get("/api/audit", query).json()
        found += [row["position"] for row in page["events"]]
        asked += 1
        if page["next"] is None:
            break
        query["before"] = page["next"]
    assert (found, asked) == ([2, 1], 4)
    pages, path = Pages(people.audrey), f"/history?text={quote('job 0')}"
    shown = pages.read(path)
    assert "among the" in shown.text
    assert "Search older events" in shown.text
    while shown.next:
        shown = pages.read(shown.next)
    assert "Job 0" in shown.text
    assert "This is where the history begins." in shown.text


async def test_an_export_of_a_search_has_what_is_far_apart(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(two_jobs, people)
    monkeypatch.setattr(read, "SEARCHED_POSITIONS", 2)
    answer = await download(people.audrey, "format=ndjson&type=everything&text=plain")
    assert [json.loads(line)["position"] for line in answer.text.splitlines()] == [7]


def test_progress_is_left_out_and_a_single_event_has_no_head(people: People) -> None:
    red, blue = two_jobs(people)
    pages = Pages(people.audrey)
    assert "job.progressed" not in pages.read("/history").text.rpartition("</form>")[2]
    assert (
        "job.progressed"
        in pages.read("/history", type="job.progressed").text.rpartition("</form>")[2]
    )
    single = pages.read("/history", target="gs-002", type="everything").text
    assert 'class="history-job"' not in single
    assert f'href="/jobs/{blue.pk}"' in single
    assert 'class="history-job"' in pages.read("/history", job=str(red.pk)).text
