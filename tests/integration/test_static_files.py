"""The built script and style: small on the way, and kept by browsers for good."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services

DIST = Path(__file__).parents[2] / "frontend" / "dist"


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[LiveServer]:
    with (
        services.database() as database_url,
        live_server(database_url, services.valkey.url) as started,
    ):
        yield started


def built_files() -> list[str]:
    """Return the names of what the pages load, as the build's manifest has them."""
    entries = json.loads((DIST / "manifest.json").read_text()).values()
    return [name for entry in entries for name in (entry["file"], *entry.get("css", []))]


def test_assets_come_compressed_and_are_immutable(scene: LiveServer) -> None:
    assert {Path(name).suffix for name in built_files()} == {".js", ".css"}
    for name in built_files():
        plain = (DIST / name).read_bytes()
        for coding in ("br", "gzip", "identity"):
            with httpx.stream(
                "GET",
                f"{scene.web.url}/static/{name}",
                headers={"Accept-Encoding": coding},
                timeout=60,
            ) as answer:
                raw = b"".join(answer.iter_raw())
            assert answer.headers.get("Content-Encoding", "identity") == coding
            assert "immutable" in answer.headers["Cache-Control"]
            assert "Accept-Encoding" in answer.headers["Vary"]
            if coding == "gzip":
                raw = gzip.decompress(raw)
            if coding == "br":
                assert len(raw) < len(plain) / 2
            else:
                assert raw == plain
