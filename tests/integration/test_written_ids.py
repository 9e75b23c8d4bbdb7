"""An id is one in either form wherever the service takes it, and in no other form anywhere.

`test_streams_clients.py` has the same of the streams and of the WebSockets.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from tests.support.factories import ATTEMPT, make_job
from tests.support.feeding import feed_everything
from tests.support.people import People, post

FORMS: dict[str, Callable[[UUID], str]] = {
    "as it is": str,
    "upper case": lambda job: str(job).upper(),
    "without dashes": lambda job: job.hex,
}
NO_FORMS: dict[str, Callable[[UUID], str]] = {
    "braces": lambda job: f"{{{job}}}",
    "a URN": lambda job: f"urn:uuid:{job}",
    "a dash": lambda job: str(job).replace("-", "", 3),
    "too long": lambda job: f"{job}0",
}
# Where an id is in the path, and what finds the job by it: in a query, in a page's address.
PATHS = ["/api/jobs/{}", "/api/jobs/{}/verify", "/api/jobs/{}/seal"]
QUERIES = ["/api/jobs?id={}", "/api/jobs?text={}", "/api/audit?job={}"]
PAGES = ["/jobs/{}", "/history?type=everything&job={}", "/jobs/new?from={}"]
COMMANDS = ["verify", "rebuild", "record", "export"]


@pytest.fixture
def job(people: People) -> UUID:
    made = make_job(
        people.root.user, [ATTEMPT], title="Found it", params={"events": 5}, team=people.red
    )
    feed_everything()
    return made.pk


@pytest.mark.parametrize("form", FORMS)
def test_an_id_is_taken_in_this_form(people: People, job: UUID, form: str) -> None:
    text, client, browser = FORMS[form](job), people.root.client(), people.root.browser()
    for path in PATHS:
        assert client.get(path.format(text)).status_code == 200, path
    for query in QUERIES:
        assert str(job) in client.get(query.format(text)).content.decode(), query
    assert client.get(f"/api/jobs?retry_of={text}").json()["jobs"] == []
    assert client.get(f"/api/jobs?cursor={text}").json()["jobs"] == []
    assert post(client, f"/api/jobs/{text}/pause").status_code == 202
    ticket = post(client, f"/api/jobs/{text}/tickets").json()["ticket"]
    assert ticket
    for page in PAGES:
        answer = browser.get(page.format(text))
        assert answer.status_code == 200, page
        assert "This filter is not applied." not in answer.content.decode()
    for command in COMMANDS:
        out = io.StringIO()
        call_command(command, text, stdout=out)
        assert out.getvalue()


@pytest.mark.parametrize("form", NO_FORMS)
def test_an_id_is_none_in_this_form(people: People, job: UUID, form: str) -> None:
    text, client, browser = NO_FORMS[form](job), people.root.client(), people.root.browser()
    for path in PATHS:
        assert client.get(path.format(text)).status_code == 404, path
    assert post(client, f"/api/jobs/{text}/pause").status_code == 404
    for query in ("/api/jobs?id={}", "/api/jobs?retry_of={}", "/api/audit?job={}"):
        assert client.get(query.format(text)).json()["code"] == "bad_request", query
    assert client.get(f"/api/jobs?text={text}").json()["jobs"] == []
    assert client.get(f"/api/jobs?cursor={text}").json()["code"] == "bad_cursor"
    assert browser.get(f"/jobs/{text}").status_code == 404
    assert browser.get(f"/jobs/new?from={text}").status_code == 404
    assert "This filter is not applied." in browser.get(f"/history?job={text}").content.decode()
    for command in COMMANDS:
        with pytest.raises(CommandError, match="32 hex digits"):
            call_command(command, text)


def test_a_page_of_a_slash_too_many_is_none(people: People, job: UUID) -> None:
    browser = people.root.browser()
    for path in (f"/jobs/{job}/", "/history/", "/jobs/new/", "/sign-in/"):
        assert browser.get(path).status_code == 404, path
    assert browser.get("/admin").status_code == 301
