"""The real provider of `oidc_provider.mjs` as a process, and how somebody signs in at it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from ops.embedded import ports
from ops.setup.clone import Clone
from ops.setup.frontend import find_node

SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
CLIENT_ID, CLIENT_SECRET = "reprise", "a secret of the test client"
GROUPS = "ops=operator,ops=team:game-operations,sec=auditor,admins=staff,watch=viewer"


@dataclass(frozen=True)
class RealProvider:
    """A running provider, its people changed from outside."""

    issuer: str

    @property
    def env(self) -> dict[str, str]:
        """The settings of a service that signs in with it."""
        return {
            "REPRISE_OIDC_ISSUER": self.issuer,
            "REPRISE_OIDC_CLIENT_ID": CLIENT_ID,
            "REPRISE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "REPRISE_OIDC_NAME": "Example ID",
            "REPRISE_OIDC_GROUPS": GROUPS,
        }

    def put(self, subject: str, *groups: str, **claims: object) -> None:
        """Let somebody be there, in these groups."""
        said = {"preferred_username": subject, "groups": groups, **claims}
        httpx.put(
            f"{self.issuer}/control/people/{subject}", json=said, timeout=60
        ).raise_for_status()

    def remove(self, subject: str) -> None:
        """Let somebody be there no longer."""
        httpx.delete(f"{self.issuer}/control/people/{subject}", timeout=60).raise_for_status()

    def set_down(self, down: bool) -> None:
        """Let the provider answer nothing but 503, or again."""
        httpx.request("PUT" if down else "DELETE", f"{self.issuer}/control/down", timeout=60)

    def sign_in(self, address: str, subject: str) -> str:
        """Sign in where the service leads to; return where the provider leads back to."""
        with httpx.Client(timeout=60) as browser:
            page = browser.get(address)
            while page.is_redirect:
                next_one = urljoin(str(page.url), page.headers["Location"])
                if not next_one.startswith(self.issuer):
                    return next_one
                page = browser.get(next_one)
                if page.status_code == 200:
                    found = re.search(r'action="([^"]+)"', page.text)
                    assert found, page.text
                    form = {"prompt": "login", "login": subject, "password": "any"}
                    page = browser.post(urljoin(str(page.url), found[1]), data=form)
        raise AssertionError(f"{page.status_code} {page.text}")


@contextmanager
def real_provider() -> Iterator[RealProvider]:
    """Run one; it ends afterwards."""
    port = ports.free()
    command = [str(find_node(Clone.from_env()).folder / "node"), str(SCRIPT), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield RealProvider(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()
