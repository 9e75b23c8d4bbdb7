"""Ports are chosen once and kept, unless somebody else has taken them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ops.fleet import ports


def test_a_port_once_chosen_is_kept(tmp_path: Path) -> None:
    first = ports.keep(tmp_path / "ports.json", ["a", "b"])
    assert ports.keep(tmp_path / "ports.json", ["a", "b", "c"]) | first == ports.keep(
        tmp_path / "ports.json", ["a", "b", "c"]
    )


def test_every_name_gets_a_port_of_its_own(tmp_path: Path) -> None:
    chosen = ports.keep(tmp_path / "ports.json", [f"n{number}" for number in range(40)])
    assert len(set(chosen.values())) == 40


def test_a_port_that_somebody_else_has_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ports.keep(tmp_path / "ports.json", ["a", "b"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", before["a"]))
        other.listen()
        after = ports.keep(tmp_path / "ports.json", ["a", "b"], grace_seconds=0.1)
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]
    assert json.loads((tmp_path / "ports.json").read_text())["a"] == after["a"]
    assert f"port {before['a']} of a is taken" in capsys.readouterr().out
