"""Every query of the dashboard and the alerts, run by a Prometheus that scrapes a running copy."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.support.live_server import LiveServer, live_server
from tests.support.probed import probed
from tests.support.services import Services
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(600)
DEPLOY = ROOT / "deploy" / "prometheus"
ALERTS = DEPLOY / "alerts.yml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "reprise.json").read_text())
METRIC = re.compile(r"\b(?:reprise|process)_[a-z_]+\b")
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    target["expr"].replace("$__rate_interval", "30s")
    for panel in PANELS
    for target in panel["targets"]
]
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@dataclass
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **params: str) -> Any:
        """Return the data of an answer; AssertionError where it is an error."""
        answer = httpx.get(
            f"{self.url}/api/v1/{path}", params=params, trust_env=False, timeout=60
        ).json()
        assert answer["status"] == "success", (params, answer)
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        """Return what an expression comes to now."""
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found

    def answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/-/ready", trust_env=False, timeout=60).status_code == 200
        return False


@contextmanager
def prometheus(folder: Path, targets: dict[str, int], token: str) -> Iterator[Prometheus]:
    """Run Prometheus with the documented configuration, at these ports by their jobs' names."""
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    (folder / "token").write_text(token)
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(folder / "token")
    config["global"] = {"scrape_interval": "3s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(ALERTS)]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = ports.free()
    process = subprocess.Popen(
        ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/db",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
    )  # fmt: skip
    try:
        found = Prometheus(f"http://127.0.0.1:{port}")
        until(lambda: found.answers(), "Prometheus")
        yield found
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def watched(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A copy that has run and delivered a job, scraped for a while."""
    folder = tmp_path_factory.mktemp("watched")
    with ExitStack() as stack:
        url = stack.enter_context(services.database())
        scene = stack.enter_context(live_server(url, services.valkey.url))
        targets = {"reprise-web": scene.web.port}
        for name in ("worker", "sweeper", "sealer"):
            own = folder / name
            own.mkdir()
            env = {"REDIS_URL": services.valkey.url}
            targets[f"reprise-{name}"] = stack.enter_context(probed(url, own, name, **env)).port
        token = scene.people.root.headers["Authorization"].removeprefix("Bearer ")
        found = stack.enter_context(prometheus(folder, targets, token))
        until(lambda: all_up(found, targets), "every process to be scraped")
        follow_a_job(scene)
        moved = 'sum(rate(reprise_stream_lag_seconds_count{job="reprise-web"}[30s])) > 0'
        until(lambda: found.query(moved), "deliveries to be seen")
        yield found


def all_up(found: Prometheus, targets: dict[str, int]) -> bool:
    up = {target["labels"]["job"] for target in found.ask("targets")["activeTargets"]
          if target["health"] == "up"}  # fmt: skip
    return up == set(targets)


def follow_a_job(scene: LiveServer) -> None:
    """Run a job to its end, followed by an event stream."""
    headers = scene.people.root.headers
    with httpx.Client(base_url=scene.web.url, headers=headers, timeout=60, trust_env=False) as web:
        params = {"events": 300, "rate": 100, "steps": 3}
        job = web.post("/api/jobs", json={"kind": "load", "params": params}).json()["id"]
        with web.stream("GET", f"/api/jobs/{job}/stream") as stream:
            assert any("job.succeeded" in line for line in stream.iter_lines())


def names(expression: str) -> set[str]:
    """Return the metrics that an expression names, as they are declared."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(expression)}


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_has_something_to_show(watched: Prometheus, query: str) -> None:
    def shown() -> bool:
        return bool(watched.query(query)) or not all_have_samples(watched, query)

    until(shown, f"something to show: {query}")
    assert names(query) <= set(watched.ask("metadata")) | {"up"}


def all_have_samples(found: Prometheus, query: str) -> bool:
    """Whether every metric of a query has samples: some have none while all is well."""
    selectors = re.findall(r"\b(?:reprise|process)_[a-z_]+(?:\{[^}]*\})?", query)
    return ">" not in query and all(found.query(selector) for selector in selectors)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_is_evaluated_over_metrics_that_there_are(
    watched: Prometheus, rule: dict[str, Any]
) -> None:
    assert names(rule["expr"]) <= set(watched.ask("metadata"))

    def evaluated() -> Any:
        groups = watched.ask("rules")["groups"]
        return next(
            one for group in groups for one in group["rules"]
            if one["name"] == rule["alert"] and one["health"] != "unknown"
        )  # fmt: skip

    found = until(evaluated, "its evaluation")
    assert (found["health"], found.get("lastError", "")) == ("ok", "")


def test_nothing_fires_where_all_is_well(watched: Prometheus) -> None:
    assert watched.query('ALERTS{alertstate="firing"}') == []


def test_the_rules_are_sound_and_each_fires_as_it_should() -> None:
    for words in (["check", "rules", ALERTS.name], ["test", "rules", "alerts_test.yml"]):
        ran = subprocess.run(["promtool", *words], cwd=DEPLOY, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    tested = set(re.findall(r'alertname="(\w+)"', (DEPLOY / "alerts_test.yml").read_text()))
    assert tested == {rule["alert"] for rule in RULES}


def test_the_dashboard_is_whole() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    squares = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(squares) == len(set(squares))
    assert max(x for x, _ in squares) == 23
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {
        "${datasource}"
    }
