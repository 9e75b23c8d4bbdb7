"""The form of a new job: what runs is what was asked, to the digit."""

from __future__ import annotations

import json
import re
from typing import Any, LiteralString

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.up import Up
from tests.browser.job_page import JobPage
from tests.browser.visits import Visits
from tests.support.waiting import until

ARGV = ["printf", "%s\n", "a b", "", "x\ny"]
LONG = 9007199254740993
KIND = "test-forms"
EVERYTHING: dict[str, Any] = {
    "number": LONG,
    "script": "set -e\n  echo 'a'  \n",
    "note": "",
    "choice": "1",
    "names": ["b ", "a", "", "c\nd"],
    "ports": [{"http": 80}, {}],
    "value": {"10": -0.0, "9": [1.0, 1e22, LONG, "é\u2028", None], "__proto__": {"a": []}},
}
SUBMITTED: LiteralString = "select text from jobs_event where job = %s and seq = 1"


def params_text(up: Up, job: str) -> str:
    """Return a job's parameters with the digits and in the order that the log has them."""
    [(text,)] = up.rows.all(SUBMITTED, job)
    return json.dumps(json.loads(text)["data"]["params"])


def over(up: Up, job: str) -> str:
    until(lambda: up.rows.has_ended(job), "the job's end")
    assert up.rows.status(job) == "succeeded", up.said()
    return job


def run_again(visits: Visits, job: str) -> Page:
    page = visits.page(f"/jobs/{job}")
    page.get_by_role("link", name="Run again").click()
    expect(page.locator(".plan-words, .plan-title").first).to_be_attached()
    return page


def start(page: Page) -> str:
    page.get_by_role("button", name="Start job").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    return page.url.rpartition("/")[2]


def control(page: Page, name: str) -> Locator:
    return page.locator(f'.form-field :is(input, textarea, select)[name="{name}"]')


def test_a_command_run_again_is_the_same_command(visits: Visits) -> None:
    up = visits.up
    job = over(up, up.submit("command", targets=["gs-003", "gs-001"], command=ARGV))
    page = run_again(visits, job)
    assert json.loads(control(page, "command").input_value()) == ARGV
    again = over(up, start(page))
    assert params_text(up, again) == params_text(up, job)
    for target in ("gs-003", "gs-001"):
        reported = [
            "".join(event["data"]["text"] for event in up.rows.events(one, "step.output")
                    if event["target"] == target)
            for one in (job, again)
        ]  # fmt: skip
        assert reported == ["a b\n\nx\ny\n"] * 2


def test_whatever_it_is_it_is_run_again_as_it_was(visits: Visits) -> None:
    up = visits.up
    job = over(up, up.submit(KIND, **EVERYTHING))
    again = over(up, start(run_again(visits, job)))
    assert params_text(up, again) == params_text(up, job) == json.dumps(EVERYTHING)


def test_what_is_touched_changes_alone(visits: Visits) -> None:
    up = visits.up
    job = over(up, up.submit(KIND, **EVERYTHING))
    page = run_again(visits, job)
    number, script = control(page, "number"), control(page, "script")
    expect(number).to_have_value(str(LONG))
    number.press("ArrowUp")
    expect(number).to_have_value(str(LONG + 1))
    script.press("Control+End")
    script.press_sequentially("b\r")
    again = over(up, start(page))
    expected = EVERYTHING | {"number": LONG + 1, "script": EVERYTHING["script"] + "b\n"}
    assert params_text(up, again) == json.dumps(expected)


def test_a_value_is_written_as_json_and_held_against_the_schema_meanwhile(visits: Visits) -> None:
    visits.watch.allow(r"status of 422 .*/api/plan")
    page = visits.page(f"/jobs/new?kind={KIND}")
    ports, field = control(page, "ports"), page.locator('.form-field:has([name="ports"])')
    ports.fill('[{"http": 80},\n {"https": 44x}]')
    expect(field.locator(".form-error")).to_contain_text("This is not JSON")
    expect(field.locator(".form-error")).to_contain_text("line 2")
    ports.fill('[{"http": 80}, {"https": "x"}]')
    expect(field.locator(".form-error")).to_contain_text(
        "At 1 › https: Input should be a valid int"
    )
    expect(ports).to_have_attribute("aria-invalid", "true")
    ports.fill(f'[{{"http": 80}}, {{"https": {LONG}}}]')
    expect(field.locator(".form-error")).to_have_count(0)
    control(page, "value").fill('{"10": 1.0, "9": -0.0}')
    job = over(visits.up, start(page))
    params = json.loads(params_text(visits.up, job))
    assert params["ports"] == [{"http": 80}, {"https": LONG}]
    assert json.dumps(params["value"]) == '{"10": 1.0, "9": -0.0}'


def test_a_command_is_written_as_a_line_or_as_a_list(visits: Visits) -> None:
    page = visits.page("/jobs/new?kind=command")
    page.locator('input[value="gs-001"]').check()
    control(page, "command").fill("echo one")
    ways = page.get_by_role("group", name="Written as")
    ways.get_by_role("button", name="List").click()
    expect(control(page, "command")).to_be_focused()
    control(page, "command").fill("echo\n two words ")
    ways.get_by_role("button", name="Text").click()
    expect(control(page, "command")).to_have_value("echo one")
    ways.get_by_role("button", name="List").click()
    job = over(visits.up, start(page))
    assert json.loads(params_text(visits.up, job))["command"] == ["echo", " two words "]


def test_a_list_that_boxes_cannot_show_is_there_again_after_a_look_at_them(visits: Visits) -> None:
    up = visits.up
    servers = ["gs-002", "gs-001", "gs-002"]
    job = up.submit("test-careful", servers=servers, seconds=60)
    page = visits.page(f"/jobs/new?from={job}")
    assert json.loads(control(page, "servers").input_value()) == servers
    ways = page.get_by_role("group", name="Written as")
    ways.get_by_role("button", name="List").click()
    expect(page.locator(".choices-head")).to_contain_text("0 of 12 chosen")
    ways.get_by_role("button", name="JSON").click()
    again = start(page)
    assert params_text(up, again) == params_text(up, job)


def test_lines_that_are_pasted_stay_lines(visits: Visits) -> None:
    context = visits.context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"/jobs/new?kind={KIND}")
    control(page, "script").fill("set -e; ")
    page.evaluate("navigator.clipboard.writeText('echo a\\n  echo b\\n')")
    control(page, "script").press("Control+v")
    expect(control(page, "script")).to_have_value("set -e; echo a\n  echo b\n")
    expect(control(page, "script")).to_be_focused()
    job = over(visits.up, start(page))
    assert json.loads(params_text(visits.up, job))["script"] == "set -e; echo a\n  echo b\n"


@pytest.mark.parametrize("transport", ["websocket", "event stream"])
def test_results_and_events_are_shown_to_the_digit(visits: Visits, transport: str) -> None:
    up = visits.up
    job = over(up, up.submit(KIND, **EVERYTHING))
    context = visits.context()
    if transport != "websocket":
        context.route_web_socket("**/ws/**", lambda socket: socket.close(code=1011))
    page = context.new_page()
    run = JobPage.open(page, up, job)
    run.completes()
    page.get_by_role("tab", name="Events").click()
    page.get_by_role("button", name="All", exact=True).click()
    for seq, place in ((1, "params"), (run.up.rows.head(job), "result")):
        event = page.locator("details.event").filter(
            has=page.locator(".number", has_text=re.compile(f"^{seq}$"))
        )
        event.locator("summary").click()
        shown = json.loads(event.locator(".raw").inner_text())["data"][place]
        assert (shown["number"], shown["value"]["9"][2]) == (LONG, LONG)
