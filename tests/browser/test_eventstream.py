"""Clients made for django-eventstream follow a job in Chromium, unchanged."""

from __future__ import annotations

import pytest

from tests.browser.visits import Visits
from tests.support.waiting import until

# What a page of theirs does: every message, once, until the job is over.
FOLLOW = """
([name, job]) => new Promise((resolve, reject) => {
  const source = new window[name](`/events/?channel=job-${job}`);
  const texts = [];
  source.addEventListener('stream-error', (event) => reject(event.data));
  source.addEventListener('message', ({ data }) => {
    texts.push(data);
    if (!/^job\\.(succeeded|failed|cancelled)$/.test(JSON.parse(data).type)) return;
    source.close();
    resolve(texts);
  });
})
"""


@pytest.mark.parametrize("name", ["EventSource", "ReconnectingEventSource"])
def test_it_gets_every_event_of_a_running_job(visits: Visits, name: str) -> None:
    up = visits.up
    page = visits.page("/")
    page.add_script_tag(url="/static/django_eventstream/reconnecting-eventsource.js")
    job = up.update(up.other_version(), up.servers[:3])
    texts = page.evaluate(FOLLOW, [name, job])
    until(lambda: up.rows.has_ended(job), "the job's end")
    assert [text.encode() for text in texts] == up.rows.texts(job)
