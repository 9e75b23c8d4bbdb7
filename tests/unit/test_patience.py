"""No test gives up a server that is slow: what it asks over a network says how long it waits."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
ASKS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "stream", "Client"}
# What a library waits for by itself is five seconds and ten: beside other suites too little.
SAYS = {
    "httpx": (ASKS | {"AsyncClient"}, {"timeout", "transport"}),
    "websockets": ({"connect"}, {"open_timeout"}),
}


def hasty_calls(source: str) -> Iterator[int]:
    """Yield the lines of calls that leave to the library how long they wait."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                names, words = SAYS.get(module, (set(), set()))
                if name in names and not words & {keyword.arg for keyword in node.keywords}:
                    yield node.lineno


def test_what_is_asked_of_a_server_says_how_long_it_waits() -> None:
    found = [
        f"{file.relative_to(TESTS)}:{line}"
        for file in sorted(TESTS.rglob("*.py"))
        for line in hasty_calls(file.read_text())
    ]
    assert found == []


def test_a_hasty_call_is_found() -> None:
    assert list(hasty_calls("httpx.get(url)\nwebsockets.connect(url)\n")) == [1, 2]
    assert list(hasty_calls("httpx.get(url, timeout=5)\nhttpx.Response(200)\n")) == []
