"""Credentials in use: by commands, targets and kinds, by those who may, seen by nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from core.errors import InvalidParams
from core.secret_stores import CommandStore
from jobs import commands, log
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.models import Credential, Job, Target
from jobs.secrets import MASK, stores
from tests.integration import secret_kinds
from tests.integration.credential_kinds import Asks, AsksPlainly
from tests.integration.credential_runs import TYPED, VALUE, ask, make_commander, message, submit
from tests.integration.secret_kinds import everything
from tests.integration.updates import Told, is_over, work
from tests.support.credentials import make_credential
from tests.support.password_host import password_host
from tests.support.people import People
from tests.support.sshd import Yard, yard
from tests.support.system_log import all_text, system_events
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("redis", "key_file", "asking_kinds")


@pytest.fixture
def commander(people: People) -> Principal:
    return make_commander(people)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path / "yard") as made, made.config(), no_keys():
        yield made


def no_keys() -> override_settings:
    """Leave transports no key but those that are credentials."""
    config = settings.REPRISE.with_changes(ssh_keys=("/nonexistent",))
    return override_settings(REPRISE=config)


def ssh_target(hosts: Yard, **variables: Any) -> None:
    address = hosts.hosts[0].address
    Target.objects.create(name="web", transport="ssh", address=address, variables=variables)


SECRETS = {"TOKEN": {"credential": "web-token"}}


def test_a_command_gets_credentials_and_typed_values(commander: Principal, tmp_path: Path) -> None:
    line = f'printf "%s|%s" "$TOKEN" "$PIN" >{tmp_path}/got; echo "$TOKEN $PIN"'
    job = submit(commander, line, secrets={**SECRETS, "PIN": TYPED})
    assert Job.objects.get(pk=job).params["secrets"] == {
        **SECRETS, "PIN": {"secret": "secrets/PIN"},
    }  # fmt: skip
    [told] = work(job)
    assert (tmp_path / "got").read_text() == f"{VALUE}|{TYPED}"
    assert told.output("box", "run") == f"{MASK} {MASK}\n"


SAYS = r"""
import base64, json, os, sys, time
value = os.environ["TOKEN"]
for text in (value, json.dumps(value), base64.b64encode(b"user:" + value.encode()).decode()):
    print(text, flush=True)
for part in (value[:7], value[7:] + "\n"):
    os.write(1, part.encode()); time.sleep(0.1)
os.write(2, f"no: {value}".encode())
sys.exit(3)
"""


@pytest.mark.parametrize("place", ["local", "ssh"])
def test_whatever_a_command_says_is_masked_everywhere(
    commander: Principal, people: People, hosts: Yard, database: str, place: str,
    tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("REPRISE_SSH_KNOWN_HOSTS", str(hosts.known_hosts))
    make_credential("web-ssh", hosts.key.read_text(), people.red, type=Credential.SSH_KEY)
    ssh_target(hosts, credential="web-ssh")
    target = "box" if place == "local" else "web"
    argv = ["python3", "-c", SAYS]
    job = submit(commander, argv, target, secrets={**SECRETS, "PIN": TYPED})
    with secret_kinds.worker(tmp_path, key_file) as written:
        until(lambda: is_over(job), "its end")
    told = Told.of(job)
    [failed] = told.of_type("step.failed")
    assert failed.data["error"]["message"] == f"exit status 3: no: {MASK}"
    assert f"exit status 3: no: {MASK}" in written.read_text()
    lines = told.output(target, "run").removesuffix(f"no: {MASK}").splitlines()
    assert len(lines) == 4
    reported = StringIO()
    for name in ("export", "record"):
        call_command(name, str(job), stdout=reported)
    client = people.root.client()
    for path in (f"/api/jobs/{job}", "/api/audit", f"/jobs/{job}/", "/api/credentials"):
        reported.write(client.get(path).content.decode())
    found = everything(database) + reported.getvalue() + written.read_text() + all_text()
    encoded = base64.b64encode(b"user:" + VALUE.encode()).decode()
    key = hosts.key.read_text().splitlines()[2]
    for secret in (VALUE, json.dumps(VALUE)[1:-1], encoded, encoded[7:], TYPED, key):
        assert secret not in found


def test_no_list_of_processes_shows_a_value(
    commander: Principal, people: People, hosts: Yard
) -> None:
    make_credential("web-ssh", hosts.key.read_text(), people.red, type=Credential.SSH_KEY)
    ssh_target(hosts, credential="web-ssh")
    jobs = [
        submit(commander, "echo here; sleep 1000", target, secrets=SECRETS)
        for target in ("box", "web")
    ]
    shown: list[str] = []

    def look() -> None:
        until(lambda: all(Told.of(job).of_type("step.output") for job in jobs), "both")
        for one in psutil.process_iter(["cmdline"]):
            shown.append(" ".join(one.info["cmdline"] or ()))
        for job in jobs:
            commands.cancel(commander, job)

    config = settings.REPRISE.with_changes(cancel_grace_seconds=0.1)
    with override_settings(REPRISE=config):
        work(*jobs, meanwhile=look)
    assert any("sleep 1000" in line for line in shown)
    assert [line for line in shown if VALUE in line or "token\\0" in line] == []


def test_values_over_ssh_arrive_as_they_are(
    commander: Principal, people: People, hosts: Yard, tmp_path: Path
) -> None:
    make_credential("web-ssh", hosts.key.read_text(), people.red, type=Credential.SSH_KEY)
    ssh_target(hosts, credential="web-ssh")
    values = {
        "A": "two\nlines\n\n", "B": "  blanks ", "C": "$HOME `id` \\n %s *", "D": "é\U0001f600!?",
        "E": "x" * 16_000, "silence": "the keeper's own word", "value": "and another",
    }  # fmt: skip
    script = f"import json, os; json.dump(dict(os.environ), open({str(tmp_path / 'got')!r}, 'w'))"
    [told] = work(submit(commander, ["python3", "-c", script], "web", secrets=values))
    assert told.ending.type == "job.succeeded"
    got = json.loads((tmp_path / "got").read_text())
    assert {name: got.get(name) for name in values} == values
    assert got["REPRISE_TARGET"] == "web"
    assert not any(name.startswith("reprise_") for name in got)


def test_another_command_has_none_of_it(commander: Principal) -> None:
    Target.objects.create(name="other")
    first = submit(commander, "echo here; sleep 1000", secrets=SECRETS)

    def look() -> None:
        until(lambda: Told.of(first).of_type("step.output"), "the first command")
        line = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'"
        second.append(submit(commander, line, "other"))
        until(lambda: is_over(second[0]), "the second command")
        commands.cancel(commander, first)

    second: list[UUID] = []
    config = settings.REPRISE.with_changes(local="isolated", cancel_grace_seconds=0.1)
    with override_settings(REPRISE=config):
        work(first, meanwhile=look)
    said = Told.of(second[0]).output("other", "run")
    assert (VALUE in said, "REPRISE_TARGET=other" in said) == (False, True)


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "REPRISE_FENCE", "BASH_ENV", "a b", "A=B"])
def test_some_variables_are_not_free(commander: Principal, name: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        submit(commander, "true", secrets={name: TYPED})
    assert refused.value.errors[0]["pointer"].startswith("/secrets")


def test_a_target_is_entered_by_its_credential_alone(
    commander: Principal, people: People, hosts: Yard, tmp_path: Path
) -> None:
    made = make_credential("web-ssh", hosts.key.read_text(), people.red, type=Credential.SSH_KEY)
    ssh_target(hosts, credential="web-ssh")
    [told] = work(submit(commander, "echo in", "web"))
    assert told.output("web", "run") == "in\n"
    made.refresh_from_db()
    assert (made.last_used_by_id, made.last_used_at is None) == (told_job(), False)
    [used] = [one.data["words"] for one in system_events() if one.type == "system.maintained"]
    assert used == f"Job {told_job()} of user:alice used the credential web-ssh."
    # Nothing of it is on the disk.
    lines = hosts.key.read_bytes().splitlines()[3:-1]
    files = [one for one in tmp_path.rglob("*") if one.is_file() and one != hosts.key]
    assert [one for one in files if any(line in one.read_bytes() for line in lines)] == []

    Target.objects.update(variables={"credential": "web-token"})
    [told] = work(submit(commander, "echo in", "web"))
    [failed] = told.of_type("step.failed")
    assert failed.data["error"] == {
        "type": "TargetUnusable",
        "message": "The credential web-token is neither an ssh key nor a password.",
    }
    make_credential("wrong", "not the password", people.red, type=Credential.PASSWORD)
    Target.objects.update(variables={"credential": "wrong"})
    [told] = work(submit(commander, "echo in", "web"))
    [failed] = told.of_type("step.failed")
    assert failed.data["error"]["type"] == "KeyRefused"
    assert failed.data["error"]["message"].endswith("with the credential wrong.")


def test_a_password_lets_a_target_in_and_its_variables_pass(
    commander: Principal, people: People, tmp_path: Path
) -> None:
    make_credential("web-pass", "pass word of the host", people.red, type=Credential.PASSWORD)
    with password_host(tmp_path, "pass word of the host") as host:
        known = settings.REPRISE.with_changes(ssh_known_hosts=host.known_hosts)
        Target.objects.create(
            name="web", transport="ssh", address=host.address, variables={"credential": "web-pass"}
        )
        with override_settings(REPRISE=known):
            [told] = work(submit(commander, 'echo "in ${#TOKEN}"', "web", secrets=SECRETS))
    assert told.output("web", "run") == f"in {len(VALUE)}\n"


def told_job() -> UUID:
    return Job.objects.filter(kind="command").latest("pk").pk


def test_a_handler_gets_a_handle_and_a_replay_needs_no_store(
    commander: Principal, people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "store"
    script.write_text(
        f"#!/bin/sh\necho asked >>{tmp_path}/asked\nprintf '%s' \"$1 of the store\"\n"
    )
    script.chmod(0o755)
    make_credential("outside", team=people.red, store="pass", reference="secret")
    store = CommandStore(engine="command", argv=(str(script),))
    stores._cached.clear()
    with override_settings(REPRISE=settings.REPRISE.with_changes(
        secret_stores={"pass": store}, secret_cache_seconds=0,
    )):  # fmt: skip
        plain = ask(commander, AsksPlainly.name, name="outside")
        [told] = work(plain)
        assert told.ending.data["result"] == {"said": MASK}
        job = ask(commander, name="outside", gate=True)

        def approve() -> None:
            until(lambda: Told.of(job).of_type("job.approval_requested"), "the gate")
            steer.reject(commander, job)

        [told] = work(job, meanwhile=approve)
        assert (tmp_path / "asked").read_text() == "asked\n" * 2  # once for each step that ran
        script.unlink()
        again = ask(commander, name="outside", tries=2)
        [told] = work(again)
    assert len(told.of_type("step.retried")) == 1
    assert message(told) == "first: The store pass cannot be started (FileNotFoundError)."
    assert Asks.had == ["secret of the store"]
    assert f"the handler has {MASK} {MASK}" in capsys.readouterr().out
    [first] = Told.of(job).of_type("step.succeeded")
    assert first.data["result"] == f"used {MASK}"
    assert "secret of the store" not in "".join(log.read(job).texts)


def test_a_secret_parameter_of_any_kind_takes_a_credential(
    commander: Principal, people: People
) -> None:
    kinds = people.alice.client().get("/api/kinds").json()["kinds"]
    [schema] = [kind["schema"] for kind in kinds if kind["name"] == Asks.name]
    field = schema["properties"]["secret"]["anyOf"][0]
    assert (field["format"], field["x-options"]) == ("password", ["web-token"])
    [told] = work(ask(commander, secret={"credential": "web-token"}))
    assert told.ending.data["result"] == {"said": f"used {MASK}"}
    assert Asks.had == [VALUE]
    reversed_ = VALUE[::-1]  # docs/how-to/secrets.md says that this is not found
    output = "".join(event.data["text"] for event in told.of_type("step.output"))
    assert output == f"{MASK}\n{reversed_}\n"


def test_a_command_without_secrets_keeps_its_idempotency_and_makes_no_keys(
    commander: Principal, key_file: Path
) -> None:
    key_file.unlink()
    params = {"targets": ["box"], "command": "true"}
    first = commands.submit(commander, "command", params, idempotency_key="k")[0]
    assert commands.submit(commander, "command", params, idempotency_key="k") == (first, False)
    assert len(bytes(first.request_hash or b"")) == 32
    assert not key_file.exists()
