"""deploy/kubernetes: valid by the schemas of the API, hardened, and of names that there are."""

from __future__ import annotations

import copy
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands

from core.config import variable_names
from ops.setup.clone import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    one
    for name in KUSTOMIZATION["resources"]
    for one in yaml.safe_load_all((FOLDER / name).read_text())
]
VERSIONS = ("1.29", "1.37")
WORKLOADS = {
    one["metadata"]["name"]: one for one in OBJECTS if one["kind"] in {"Deployment", "Job"}
}
SETTINGS = dict(one.split("=", 1) for one in KUSTOMIZATION["configMapGenerator"][0]["literals"])


def kinds(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "found", OBJECTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}"
)
def test_each_is_valid(found: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_a_wrong_word_is_seen() -> None:
    wrong = copy.deepcopy(WORKLOADS["reprise-web"])
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_all_files_are_named() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files


def test_there_is_a_workload_for_each_process() -> None:
    processes = {line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()}
    assert WORKLOADS.keys() == {f"reprise-{name}" for name in processes | {"migrate"}}


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_pod_has_more_than_it_needs(name: str) -> None:
    spec, [container] = pod(name), pod(name)["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", WORKLOADS.keys() - {"reprise-migrate"})
def test_probes_ask_what_the_process_answers(name: str) -> None:
    [container] = pod(name)["containers"]
    [port] = [one["containerPort"] for one in container["ports"]]
    env = {one["name"]: one["value"] for one in container.get("env", [])}
    assert str(port) == env.get("REPRISE_HEALTH_PORT", "8000")
    paths = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        asked = container[probe]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, port)
        assert asked["httpHeaders"][0]["value"] in SETTINGS["REPRISE_ALLOWED_HOSTS"].split(",")


def test_commands_and_settings_are_there() -> None:
    assert SETTINGS.keys() <= variable_names()
    for name in WORKLOADS:
        [container] = pod(name)["containers"]
        assert {one["name"] for one in container.get("env", [])} <= variable_names()
        program, command = container.get("command", ["reprise-admin", "check"])
        assert (program, command in get_commands()) == ("reprise-admin", True)


def test_what_may_be_disrupted_and_scaled() -> None:
    assert kinds("PodDisruptionBudget").keys() == {"reprise-web", "reprise-worker"}
    for name, scaler in kinds("HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in WORKLOADS[name]["spec"]  # else each `apply` would undo it
    names = re.findall(
        r"metric: \{name: reprise_(\w+)\}", (FOLDER / "autoscaling.yaml").read_text()
    )
    documented = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    for name in names:
        assert re.search(rf"`(reprise_{name}|{name.removeprefix('stream_')})\b", documented), name


def test_only_the_migration_is_the_owner_and_only_the_sealer_keeps_its_state() -> None:
    secrets, states = {}, {}
    for name in WORKLOADS:
        volumes = {one["name"]: one for one in pod(name)["volumes"]}
        secrets[name] = volumes["secrets"]["secret"]["secretName"]
        states[name] = "persistentVolumeClaim" in volumes["state"]
    assert [name for name, one in secrets.items() if one != "reprise"] == ["reprise-migrate"]
    assert [name for name, kept in states.items() if kept] == ["reprise-sealer"]


def test_pods_are_reached_by_the_ingress_and_prometheus_alone() -> None:
    policies = kinds("NetworkPolicy")
    assert "ingress" not in policies["reprise"]["spec"]
    assert policies["reprise"]["spec"]["policyTypes"] == ["Ingress"]
    labels = {"app.kubernetes.io/name": "reprise"}
    assert policies["reprise"]["spec"]["podSelector"]["matchLabels"] == labels
    for name in WORKLOADS:
        found = WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]
        assert labels.items() <= found.items()
