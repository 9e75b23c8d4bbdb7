"""`reprise record`, `evidence` and `verify` as processes; `manage.py record` does the same."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command

from core.db import in_thread
from core.records.keys import raw_key
from jobs.events import EventType, NewEvent
from jobs.integrity import seals
from jobs.replay.history import load_history
from tests.support.client_command import reprise, result
from tests.support.factories import make_job
from tests.support.live_server import LiveServer, live_server, outputs
from tests.support.sealing import seals_in
from tests.support.services import Services

GATE = NewEvent(
    EventType.JOB_APPROVAL_REQUESTED, {"gate": "go", "words": "Go?", "not_by_submitter": False}
)
APPROVED = NewEvent(EventType.JOB_APPROVED, {"gate": "go", "reason": "It is fine."})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where seals are, the public key as `seal.pem`."""
    return tmp_path_factory.mktemp("sealed")


@pytest.fixture(scope="module")
def scene(services: Services, folder: Path) -> Iterator[LiveServer]:
    with (
        seals_in(folder),
        services.database() as url,
        live_server(url, services.valkey.url) as started,
    ):
        (folder / "seal.pem").write_text(seals.public_key())
        yield started


@pytest.fixture
async def job(scene: LiveServer) -> UUID:
    """A job that is over, and sealed with others."""
    made = await scene.new_job([*outputs(3, "key hunter2"), GATE])
    await scene.append(made, APPROVED)
    await scene.finish(made)
    for _ in range(4):
        await in_thread(make_job)
    await in_thread(seals.seal_heads)
    return made


async def run(scene: LiveServer, command: str, *words: object, job: object = "") -> str:
    """Run a command that has to succeed; return what it printed."""
    first, *more = [str(word) for word in ([job] if job else []) + list(words)]
    status, out, err = await result(await reprise(scene, first, *more, command=command))
    assert (status, err if command == "verify" else "") == (0, ""), err
    return out


def page(scene: LiveServer, job: UUID) -> str:
    return f"{scene.web.url}/jobs/{job}"


def recorded_here(*words: object) -> str:
    out = io.StringIO()
    call_command("record", *map(str, words), stdout=out)
    return out.getvalue()


async def test_both_commands_write_the_same_bytes(
    scene: LiveServer, job: UUID, tmp_path: Path
) -> None:
    out = await run(scene, "record", page(scene, job))
    assert out == await in_thread(recorded_here, job)
    header, *texts = out.splitlines()
    assert texts == scene.rows(job)
    said = json.loads(header)
    assert (said["job"], said["kind"], said["head"]) == (str(job), "load", 8)
    assert said["seal"]["seq"] == 8
    path = tmp_path / "one.ndjson"
    await run(scene, "record", page(scene, job), "--output", path)
    assert path.read_text() == out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_history(path).job == job


async def test_several_jobs_go_into_a_folder(scene: LiveServer, tmp_path: Path) -> None:
    jobs = [await scene.new_job(outputs(2)) for _ in range(2)]
    await run(scene, "record", *(page(scene, one) for one in jobs), "--output", tmp_path)
    await in_thread(recorded_here, *jobs, "--output", tmp_path)
    found = sorted(os.listdir(tmp_path))
    names = [f"{one}{end}.ndjson" for one in jobs for end in ("", ".states")]
    assert found == sorted(names)
    status, _out, err = await result(
        await reprise(
            scene, page(scene, jobs[0]), page(scene, jobs[1]), "--output", str(tmp_path / "x"),
            command="record",
        )
    )  # fmt: skip
    assert (status, "several jobs need one" in err) == (2, True)


async def test_a_job_that_goes_on_is_recorded_as_far_as_it_is(scene: LiveServer) -> None:
    job = await scene.new_job(outputs(3))
    out = await run(scene, "record", page(scene, job))
    assert len(out.splitlines()) == 6
    assert "seal" not in json.loads(out.splitlines()[0])


@pytest.mark.parametrize(
    ("address", "words", "status", "said"),
    [
        (lambda scene: page(scene, uuid4()), (), 4, "(not_found)"),
        (lambda scene: "nonsense", (), 2, "Not a job's id or address"),
        (lambda scene: page(scene, uuid4()), ("--redact", "/data/kind"), 2, "the log's structure"),
        (lambda scene: "http://127.0.0.1:9/jobs/" + str(uuid4()), (), 5, "cannot reach"),
    ],
)
async def test_what_cannot_be_recorded_is_said(
    scene: LiveServer, address: object, words: tuple[str, ...], status: int, said: str
) -> None:
    for command in ("record", "evidence"):
        job = address(scene)  # type: ignore[operator]
        found, out, err = await result(await reprise(scene, job, *words, command=command))
        assert (found, out) == (status, "")
        assert said in err


async def test_evidence_is_checked_with_the_public_key_alone(
    scene: LiveServer, job: UUID, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.ndjson"
    await run(scene, "evidence", page(scene, job), "--output", path)
    evidence = json.loads(path.read_text().splitlines()[0])["evidence"]
    assert evidence["definition"]["kind"] == "load"
    [approval] = evidence["approvals"]
    assert approval["by"] == "worker:test/1"
    assert (approval["gate"], approval["approved"], approval["reason"]) == (
        "go", True, "It is fine.",
    )  # fmt: skip
    said = await run(scene, "verify", path, "--key", folder / "seal.pem")
    assert f"ok: 8 events of job {job}" in said
    assert "vouches for events 1 to 8" in said
    assert evidence["key"] in said
    assert "Compare it" in await run(scene, "verify", path)


async def test_a_key_of_somebody_else_is_refused(
    scene: LiveServer, job: UUID, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.ndjson"
    await run(scene, "evidence", page(scene, job), "--output", path)
    other = raw_key(Ed25519PrivateKey.generate().public_key())
    status, _out, err = await result(
        await reprise(scene, str(path), "--key", other, command="verify")
    )
    assert (status, "the seal is signed by another key" in err) == (1, True)
    unsealed = tmp_path / "unsealed.ndjson"
    await run(scene, "record", page(scene, await scene.new_job(outputs(1))), "--output", unsealed)
    assert "No seal vouches for it" in await run(scene, "verify", unsealed)
    status, _out, err = await result(
        await reprise(scene, str(unsealed), "--key", other, command="verify")
    )
    assert (status, "it has no seal" in err) == (1, True)


async def test_what_came_after_the_seal_is_said(
    scene: LiveServer, folder: Path, tmp_path: Path
) -> None:
    job = await scene.new_job(outputs(2))
    await in_thread(seals.seal_heads)
    await scene.finish(job)
    path = tmp_path / "one.ndjson"
    await run(scene, "record", page(scene, job), "--output", path)
    said = await run(scene, "verify", path, "--key", folder / "seal.pem")
    assert "vouches for events 1 to 4" in said
    assert "It is older than events 5 to 5" in said


async def test_a_redacted_record_verifies_and_opens(
    scene: LiveServer, job: UUID, folder: Path, tmp_path: Path
) -> None:
    whole, left, values = (tmp_path / name for name in ("whole", "left", "values"))
    (tmp_path / "texts").write_text("hunter2\n")
    await run(scene, "record", page(scene, job), "--output", whole)
    await run(
        scene, "evidence", page(scene, job), "--output", left, "--redact", "/data/reason",
        "--redact-texts", tmp_path / "texts", "--disclosures", values,
    )  # fmt: skip
    assert "hunter2" not in left.read_text()
    assert "It is fine." not in left.read_text()
    assert stat.S_IMODE(values.stat().st_mode) == 0o600
    said = await run(
        scene, "verify", left, "--key", folder / "seal.pem", "--original", whole,
        "--disclosures", values,
    )  # fmt: skip
    assert "4 values of 4 events are left out" in said
    assert "Nothing but what was left out differs from the original." in said
    assert "4 of the values that were left out are as disclosed." in said
    wrong = json.loads(values.read_text().splitlines()[0])
    values.write_text(json.dumps({**wrong, "value": "other"}))
    status, _out, err = await result(
        await reprise(scene, str(left), "--disclosures", str(values), command="verify")
    )
    assert (status, "Line 1 of the disclosures" in err) == (1, True)


async def test_a_tampered_file_is_named_by_its_line(
    scene: LiveServer, job: UUID, tmp_path: Path
) -> None:
    path = tmp_path / "one.ndjson"
    await run(scene, "evidence", page(scene, job), "--output", path)
    good = path.read_text().splitlines()
    for line, old, new in ((4, "hunter2 0", "hunter3 0"), (8, "It is fine.", "It is good.")):
        assert old in good[line - 1]
        changed = [*good[: line - 1], good[line - 1].replace(old, new), *good[line:]]
        path.write_text("".join(f"{one}\n" for one in changed))
        status, _out, err = await result(await reprise(scene, str(path), command="verify"))
        assert (status, f"Line {line}: event {line - 1} was changed" in err) == (1, True), err
