"""The log of a million events on the job page, beside the same text as one plain page."""

from __future__ import annotations

import random
import statistics
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.acceptance.up import Up, running
from tests.benchmarks.page.visit import Visit, chromium, loaded_job, p95
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

EVENTS, FEW = 1_000_000, 10_000
VISITS = 5
JUMPS = 20
PLACES, FRAMES = 50, 20
# Of the plain page: a frame of it takes seconds, or does not come at all.
PLAIN_PLACES, PLAIN_FRAMES = 3, 5
LAST = "Succeeded"
ROWS = 10_000
OUTPUT = (
    "select text::json->'data'->>'text' from jobs_event"
    " where job = %s and seq > %s and seq <= %s and type = 'step.output' order by seq"
)


@dataclass(slots=True)
class Figures:
    """What the visits of one job took: milliseconds, megabytes, MiB."""

    tail: list[float] = field(default_factory=list)
    wire: list[float] = field(default_factory=list)
    jumps: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    heap: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def log(testbed: Testbed, scale: float) -> list[Bar]:
    """Tail, jumps, scrolling, memory, search: of 1,000,000 events, of 10,000, of plain text"""
    many, few = max(int(EVENTS * scale), FEW), FEW
    with running() as up, chromium() as browser:
        large, small = loaded_job(up, many), loaded_job(up, few)
        figures = {large: Figures(), small: Figures()}
        for _ in range(VISITS):
            for job, events in ((large, many), (small, few)):
                _visit(browser, up, job, events, figures[job])
        plain = _plain(browser, up, large, testbed.folder / "plain.html")
    return _bars(figures[large], figures[small], plain)


def _visit(browser: Browser, up: Up, job: str, events: int, figures: Figures) -> None:
    visit = Visit.to(browser, up)
    figures.tail.append(visit.open_log(job, LAST))
    visit.settle()
    figures.wire.append(visit.megabytes)
    for _ in range(JUMPS):
        figures.jumps.append(visit.jump(_line(up, job, events)))
    for _ in range(PLACES):
        visit.scroll(random.random(), FRAMES)
        visit.settle()
    figures.frames += visit.frames
    figures.heap.append(visit.heap())
    first, whole = visit.search("777 xxx")
    figures.first.append(first)
    figures.whole.append(whole)
    visit.close()


def _line(up: Up, job: str, events: int) -> int:
    """Return any event that prints a line."""
    while True:
        seq = random.randint(1, events)
        [(kind,)] = up.rows.all("select type from jobs_event where job = %s and seq = %s", job, seq)
        if kind == "step.output":
            return seq


def _plain(browser: Browser, up: Up, job: str, path: Path) -> Figures:
    """Open the whole text of the log as one `<pre>`, as a server of files would send it.

    What it does not come to within the patience of a visit has no figure.
    """
    _write_plain(up, job, path)
    figures = Figures()
    served = _Files(path)
    visit = Visit.to(browser, up, served.url)
    with suppress(PlaywrightTimeout):
        visit.page.goto("/", wait_until="load")
        loaded = "performance.timing.loadEventEnd - performance.timing.navigationStart"
        figures.tail.append(float(visit.page.evaluate(loaded)))
        figures.wire.append(visit.megabytes)
        for _ in range(PLAIN_PLACES):
            visit.scroll(random.random(), PLAIN_FRAMES, "html")
        figures.frames += visit.frames
        figures.heap.append(visit.heap())
    visit.close()
    served.close()
    return figures


def _write_plain(up: Up, job: str, path: Path) -> None:
    with path.open("w") as file:
        file.write("<!doctype html><meta charset=utf-8><title>A log</title><pre>")
        for after in range(0, up.rows.head(job), ROWS):
            for (text,) in up.rows.all(OUTPUT, job, after, after + ROWS):
                file.write(text)
        file.write("</pre>")


class _Files:
    """Serves one file, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = path.read_bytes() if self.path == "/" else b""
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _bars(large: Figures, small: Figures, plain: Figures) -> list[Bar]:
    median = statistics.median
    tail, wire = median(large.tail) / 1000, median(large.wire)
    jump, frame = p95(large.jumps), p95(large.frames)
    plain_tail = plain.tail[0] / 1000 if plain.tail else None
    plain_frame = p95(plain.frames) if plain.frames else None
    first, whole = median(large.first) / 1000, median(large.whole) / 1000
    return [
        Bar("log: tail, s", tail, "≤ 1", tail, plain_tail, "s"),
        Bar("log: tail, beside 10,000 events", tail * 1000 / median(small.tail), "≤ 2"),
        Bar("log: over the wire, MB", wire, "≤ 2", wire, next(iter(plain.wire), None), "MB"),
        Bar("log: jump to any event, p95, ms", jump, "≤ 300", jump, None, "ms"),
        Bar("log: jump, beside 10,000 events", jump / p95(small.jumps), "≤ 2"),
        Bar("log: frame while scrolling, p95, ms", frame, "≤ 33", frame, plain_frame, "ms"),
        Bar("log: frame, beside 10,000 events", frame / p95(small.frames), "≤ 2"),
        Bar("log: heap after 50 places, MiB", median(large.heap), "≤ 60", median(large.heap),
            next(iter(plain.heap), None), "MiB"),
        Bar("log: heap, beside 10,000 events", median(large.heap) / median(small.heap), "≤ 2"),
        Bar("log: first hit of a search, s", first, "≤ 0.5"),
        Bar("log: whole log searched, s", whole, "≤ 10"),
    ]  # fmt: skip
