"""What an isolated command is to see, as the launcher is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from core.secret_stores import VaultStore
from jobs.transports.sandbox.isolation import list_mounts
from ops.setup.clone import ROOT


def seen(state: Path, *written: Path, **changes: object) -> dict[str, str]:
    config = settings.REPRISE.with_changes(
        state=state, seal_key=state / "seal_key", secret_keys=state / "secret_keys",
        local_writable=written, **changes,
    )  # fmt: skip
    found = list_mounts(config)
    depths = [path.count("/") for path, _ in found]
    assert depths == sorted(depths), "what is around others comes first"
    return dict(found)


def test_a_home_is_hidden_and_what_it_has_inside_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    home = ROOT.parent
    monkeypatch.setenv("HOME", str(home))
    found = seen(ROOT / ".state")
    assert found[str(home)] == "hide"
    assert found[str(ROOT)] == "read"
    assert found[str(ROOT / ".state")] == "hide"


def test_a_clone_that_is_somebodys_home_is_shown_without_its_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(ROOT))
    found = seen(ROOT / ".state")
    assert found[str(ROOT)] == "read"
    assert found[str(ROOT / ".ssh")] == "hide"


def test_a_state_folder_cannot_be_made_writable(tmp_path: Path) -> None:
    found = seen(tmp_path, tmp_path, tmp_path.parent)
    assert found[str(tmp_path)] == "hide"
    assert found[str(tmp_path.parent)] == "write"


def test_what_lets_the_worker_into_a_store_is_hidden(tmp_path: Path) -> None:
    token = tmp_path / "token"
    store = VaultStore(engine="vault", url="https://vault", token_file=token)
    assert seen(ROOT / ".state", secret_stores={"vault": store})[str(token)] == "hide"
