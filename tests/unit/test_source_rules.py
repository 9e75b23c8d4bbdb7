"""What the service's own code never does, and what its packages are held to."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = [
    file
    for package in ("core", "jobs", "streams", "frontend")
    for file in sorted((ROOT / package).rglob("*.py"))
    if "node_modules" not in file.parts
]
# Readers that run or fetch what the data says, and XML, which nothing here speaks.
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "xml", "lxml", "telnetlib", "ftplib"}
UNSAFE_CALLS = {"eval", "exec", "compile", "mark_safe", "SafeString"}
HASHES = {"sha256"}
# Spreads moments and draws a run's repeatable values; nothing that nobody may guess.
RANDOM = {
    "jobs/run/run.py", "jobs/run/retry.py", "streams/hub/supervised_tasks.py",
    "streams/transports/sse.py", "streams/transports/eventstream.py",
    "streams/followers/limits.py", "streams/followers/revalidate.py",
    "streams/followers/registry.py", "streams/client/follower.py",
}  # fmt: skip


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    return [
        (str(file.relative_to(ROOT)), node)
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
    ]


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {str(node.module).split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.id if isinstance(function, ast.Name) else ""


def test_nothing_reads_data_that_could_run() -> None:
    found = {(file, name) for file, node in nodes() for name in imported(node) & UNSAFE_MODULES}
    assert found == set()
    assert {(file, called(node)) for file, node in nodes() if called(node) in UNSAFE_CALLS} == set()


def test_yaml_is_read_by_the_safe_loader_alone() -> None:
    loaders = {
        node.attr
        for _, node in nodes()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and node.value.id == "yaml" and node.attr.lower().endswith(("load", "load_all", "loader"))
    }  # fmt: skip
    assert loaders == {"SafeLoader"}


def test_no_shell_is_asked_to_run_a_text() -> None:
    shells = [
        (file, node.lineno)
        for file, node in nodes()
        if isinstance(node, ast.Call) and any(keyword.arg == "shell" for keyword in node.keywords)
    ]
    names = {ast.unparse(node) for _, node in nodes() if isinstance(node, ast.Attribute)}
    ends = {name.rpartition(".")[2] for name in names}
    assert shells == []
    assert names & {"os.system", "os.popen"} == set()
    assert ends & {"create_subprocess_shell", "subprocess_shell"} == set()


def test_one_hash_function_is_used() -> None:
    used = {
        node.attr
        for _, node in nodes()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and node.value.id == "hashlib"
    }  # fmt: skip
    assert used == HASHES


def test_what_nobody_may_guess_comes_from_the_systems_generator() -> None:
    assert {file for file, node in nodes() if "random" in imported(node)} == RANDOM


def test_pages_make_no_markup_of_texts() -> None:
    ways = (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "unsafeHTML", r"document\.write",
        r"\beval\(", "new Function",
    )  # fmt: skip
    unsafe = re.compile("|".join(ways))
    scripts = (ROOT / "frontend" / "src").rglob("*.ts")
    assert [file.name for file in scripts if unsafe.search(file.read_text())] == []
    templates = [*(ROOT / "frontend" / "templates").rglob("*.html")]
    assert templates
    off = re.compile(r"\|\s*safe\b|autoescape off")
    assert [file.name for file in templates if off.search(file.read_text())] == []


def test_pages_hear_no_messages_of_other_windows() -> None:
    heard = re.compile(
        r"window\.(onmessage|addEventListener\(\s*'message'|postMessage)|parent\.post"
    )
    scripts = (ROOT / "frontend" / "src").rglob("*.ts")
    assert [file.name for file in scripts if heard.search(file.read_text())] == []


@pytest.mark.parametrize("name", ["service", "client", "local", "dev", "build", "uv"])
def test_every_package_is_locked_with_its_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert packages
    for package in packages:
        assert re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:", package), package


def test_the_repository_has_no_secret() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    keys = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=]{40}")
    held = [file for file in files if file.is_file() and keys.search(file.read_bytes())]
    assert held == []
    names = {"secret_key", "secret_keys", "seal_key", ".env", "postgres.json", "ready.json"}
    assert [file for file in files if file.name in names] == []
