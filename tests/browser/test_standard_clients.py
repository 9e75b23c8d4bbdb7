"""Chromium's own EventSource and WebSocket follow a job to its end, with no code of ours."""

from __future__ import annotations

import json

import pytest

from tests.browser.visits import Visits
from tests.support.waiting import until

# Each answer ends at once; the browser comes back by itself, until it is told 204.
EVENT_SOURCE = """
(job) => new Promise((resolve) => {
  const source = new EventSource(`/api/jobs/${job}/stream?rotate_s=0`);
  const texts = [];
  let connections = 0;
  source.addEventListener('hello', () => { connections += 1; });
  source.addEventListener('message', ({ data }) => texts.push(data));
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) resolve({ texts, connections });
  });
})
"""
# The first connection is closed after its first events; the next one goes on after the last.
WEB_SOCKET = """
(job) => new Promise((resolve) => {
  const texts = [];
  let connections = 0;
  let ended = false;
  const address = `${location.origin.replace('http', 'ws')}/ws/jobs/${job}/`;
  const connect = (after) => {
    const socket = new WebSocket(`${address}?after=${after}`);
    connections += 1;
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(data);
      ended ||= frame.kind === 'end';
      if (frame.kind !== 'events') return;
      texts.push(...frame.events.map((event) => JSON.stringify(event)));
      const last = frame.events.at(-1);
      if (connections > 1) return;
      socket.close();
      connect(`${last.seq}-${last.hash.slice(0, 8)}`);
    });
    socket.addEventListener('close', ({ code }) => {
      if (code === 1000 && ended) resolve({ texts, connections });
    });
  };
  connect('0');
})
"""


@pytest.mark.parametrize("script", [EVENT_SOURCE, WEB_SOCKET], ids=["EventSource", "WebSocket"])
def test_it_gets_every_event_of_a_running_job(visits: Visits, script: str) -> None:
    up, page = visits.up, visits.page("/")
    job = up.update(up.other_version(), up.servers[:3])
    got = page.evaluate(script, job)
    until(lambda: up.rows.has_ended(job), "the job's end")
    assert got["connections"] >= 2
    rows = [json.loads(text) for text in up.rows.texts(job)]
    assert [json.loads(text) for text in got["texts"]] == rows
