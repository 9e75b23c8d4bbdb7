"""The follower as an npm package: in a plain HTML page, in a Vite project, and for TypeScript."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from ops.setup.clone import ROOT, Clone, tool_environment
from ops.setup.frontend import find_node
from tests.acceptance.up import Up
from tests.browser.visits import Visits
from tests.support.waiting import until

PACKAGE = "reprise-follower"
# What a page that only follows loads first, gzipped; the README promises it.
MOST_BYTES = 6000
STATIC_IMPORT = re.compile(r"""(?:from|import)\s*["'`]\./([^"'`]+)["'`]""")
PAGE = """<!doctype html>
<title>Another page</title>
<link rel="icon" href="data:,">
<script type="module" src="/node_modules/reprise-follower/dist/element.js"></script>
<reprise-job src="{url}/jobs/{job}" ticket-src="/ticket/{job}"></reprise-job>
"""
MAIN = """
import { follow } from 'reprise-follower';

const status = document.querySelector('p');
const ask = () => fetch(status.dataset.ticket, { method: 'POST' });
follow(location.hash.slice(1), {
  ticket: async () => (await (await ask()).json()).ticket,
  onState: (info) => {
    status.textContent = `${info.state} ${info.seq}`;
  },
});
"""
TYPED = """
import { fold, follow, type JobView, NOTHING } from 'reprise-follower';
import { RepriseJob } from 'reprise-follower/element';

let view: JobView = NOTHING;
follow('0192f3c1-7b1e-7000-8000-000000000001', {
  onEvents: (events) => {
    view = fold(view, events);
    const last: number | undefined = events.at(-1)?.seq;
    console.log(last, view.status);
  },
});
const element: RepriseJob = document.createElement('reprise-job');
console.log(element.info?.state);
// @ts-expect-error there is no such option
follow('x', { nonsense: true });
"""


class Site:
    """Another origin: a folder with the package installed, and a server that gets tickets."""

    def __init__(self, folder: Path, up: Up) -> None:
        self.folder, self.up = folder, up
        clone = Clone.from_env()
        self._env = find_node(clone).environment(tool_environment(clone))
        self.run("npm", "run", "build:follower", cwd=ROOT)
        packed = self.run("npm", "pack", "--json", "--pack-destination", str(folder),
                          "./distributions/follower", cwd=ROOT)  # fmt: skip
        [found] = json.loads(packed)
        self.files = {one["path"] for one in found["files"]}
        self.write("package.json", json.dumps({"name": "site", "type": "module", "private": True}))
        self.run("npm", "install", "--offline", "--ignore-scripts", f"./{found['filename']}")

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a command in the folder; return what it prints."""
        done = subprocess.run(
            command, cwd=cwd or self.folder, env=self._env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def tool(self, name: str, *arguments: str) -> str:
        """Run one of the front end's tools here."""
        return self.run("node", str(ROOT / "node_modules" / name), *arguments)

    def write(self, name: str, text: str) -> None:
        """Write a file of the site."""
        (self.folder / name).write_text(text)


class Pages(SimpleHTTPRequestHandler):
    """The site's files, and tickets for its own pages."""

    def __init__(self, up: Up, *args: Any, **kwargs: Any) -> None:
        self._up = up
        super().__init__(*args, **kwargs)

    def do_POST(self) -> None:
        with self._up.client() as client:
            answer = client.post(f"/api/jobs/{self.path.rsplit('/', 1)[1]}/tickets")
        self.send_response(answer.status_code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""


@pytest.fixture(scope="module")
def site(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), up)


@pytest.fixture(scope="module")
def origin(site: Site) -> Iterator[str]:
    """The address of the site."""
    handler = partial(Pages, site.up, directory=str(site.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def waiting_job(up: Up) -> str:
    """Return a job that has said half of what it has to say."""
    job = up.submit("test-halves", events=30)
    until(lambda: up.rows.status(job) == "waiting", "the first half")
    return job


def approve(up: Up, job: str) -> None:
    with up.client() as client:
        client.post(f"/api/jobs/{job}/approve").raise_for_status()


def test_it_has_what_it_needs_and_nothing_else(site: Site) -> None:
    installed = [path.name for path in (site.folder / "node_modules").iterdir()]
    assert [name for name in installed if not name.startswith(".")] == [PACKAGE]
    assert {"package.json", "README.md", "LICENSE", "THIRD-PARTY.md"} < site.files
    assert {"dist/index.js", "dist/index.d.ts", "dist/element.js"} < site.files
    assert all(name.startswith("dist/") or "/" not in name for name in site.files)
    for script in (site.folder / "node_modules" / PACKAGE / "dist").glob("*.js"):
        assert 'from "./' in script.read_text() or "import" not in script.read_text().split("\n")[0]


def test_a_plain_page_of_another_origin_shows_a_live_job(
    visits: Visits, site: Site, origin: str
) -> None:
    job = waiting_job(visits.up)
    site.write("plain.html", PAGE.format(url=visits.up.url, job=job))
    page = visits.context(None).new_page()
    page.goto(f"{origin}/plain.html")
    shown = page.locator("reprise-job")
    expect(shown).to_have_attribute("data-status", "waiting")
    expect(shown.locator("[part=title]")).to_have_text("Two halves")
    expect(shown.locator("[part=connection]")).to_have_text("live")
    expect(shown.locator("[part=output]")).to_contain_text("first 29, é")
    approve(visits.up, job)
    expect(shown).to_have_attribute("data-status", "succeeded")
    expect(shown.locator("[part=output]")).to_contain_text("second 29, é")
    expect(shown.locator("[part=connection]")).to_be_empty()


def build_with_vite(site: Site, job: str) -> None:
    """Build a page that follows a job, as `/dist/index.html#<address of the job>`."""
    script = '<script type="module" src="/main.js"></script>'
    site.write("index.html", f'<p data-ticket="/ticket/{job}"></p>{script}')
    site.write("main.js", MAIN)
    site.tool("vite/bin/vite.js", "build", "--logLevel", "error", "--base", "/dist/")


def test_a_vite_project_follows(visits: Visits, site: Site, origin: str) -> None:
    up, job = visits.up, waiting_job(visits.up)
    visits.watch.allow("favicon.ico")
    build_with_vite(site, job)
    page = visits.context(None).new_page()
    page.goto(f"{origin}/dist/index.html#{up.url}/jobs/{job}")
    expect(page.locator("p")).to_have_text(f"live {up.rows.head(job)}")
    approve(up, job)
    until(lambda: up.rows.has_ended(job), "the job's end")
    expect(page.locator("p")).to_have_text(f"ended {up.rows.head(job)}")


def test_what_a_page_loads_first_is_small(site: Site) -> None:
    """Bundled without Vite, which adds a loader of its own."""
    site.write("follow.js", "import { follow } from 'reprise-follower';\nfollow(location.hash);\n")
    site.tool(
        "rolldown/bin/cli.mjs", "follow.js", "--format", "esm", "--platform", "browser",
        "--minify", "--dir", "rolled",
    )  # fmt: skip
    rolled = {path.name: path.read_text() for path in (site.folder / "rolled").glob("*.js")}
    first = {"follow.js"}
    while more := {name for one in first for name in STATIC_IMPORT.findall(rolled[one])} - first:
        first |= more
    assert sum(len(gzip.compress(rolled[name].encode())) for name in first) <= MOST_BYTES
    assert [name.split("-")[0] for name in rolled.keys() - first] == ["fallback"]


def test_what_is_loaded_later_is_tried_again(visits: Visits, site: Site, origin: str) -> None:
    """No WebSocket gets through from the start, and the network fails as the rest is needed."""
    up, job = visits.up, waiting_job(visits.up)
    visits.watch.allow("favicon.ico")
    visits.watch.allow(r"ERR_FAILED \[.*/fallback-")
    build_with_vite(site, job)
    asked: list[str] = []

    def fail_twice(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 2:
            route.continue_()
        else:
            route.abort()

    context = visits.context(None)
    context.route_web_socket("**/ws/jobs/**", lambda socket: socket.close(code=1011))
    context.route("**/fallback-*.js", fail_twice)
    page = context.new_page()
    page.goto(f"{origin}/dist/index.html#{up.url}/jobs/{job}")
    expect(page.locator("p")).to_have_text(f"live {up.rows.head(job)}")
    assert len(asked) == 3


def test_typescript_takes_it_as_node_does(site: Site) -> None:
    site.write("typed.ts", TYPED)
    site.tool(
        "typescript/bin/tsc", "--noEmit", "--strict", "--module", "nodenext",
        "--moduleResolution", "nodenext", "--target", "es2022", "--lib", "es2023,dom,dom.iterable",
        "--types", "", "typed.ts",
    )  # fmt: skip
