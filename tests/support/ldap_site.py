"""A service whose site signs people in with a directory, set up as docs/how-to/ldap.md says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import httpx

from ops.setup.clone import ROOT, Clone, tool_environment
from tests.support.live_server import serving
from tests.support.slapd import READER_PASSWORD, Slapd

HOW_TO = ROOT / "docs" / "how-to" / "ldap.md"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class LdapSite:
    """A running web process, and the environment that all processes of the site have."""

    url: str
    env: Mapping[str, str]

    def sign_in(self, name: str, password: str) -> tuple[httpx.Client, httpx.Response]:
        """Send the form in a new browser; return the browser and the answer."""
        browser = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        browser.get("/sign-in").raise_for_status()
        form = {"username": name, "password": password}
        form["csrfmiddlewaretoken"] = browser.cookies["reprise_csrf"]
        return browser, browser.post("/sign-in", data=form, headers={"Origin": self.url})

    def lets_in(self, name: str, password: str) -> bool:
        """Return whether somebody can sign in; if not, that nobody is."""
        browser, answer = self.sign_in(name, password)
        signed_in = browser.get("/api/jobs").status_code != 401
        assert signed_in == (answer.status_code == 302), answer.text
        return signed_in

    def manage(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the service."""
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env={**self.env, **env},
            capture_output=True, text=True, check=False,
        )  # fmt: skip


def install_client(folder: Path) -> Path:
    """Install what the how-to does, into a folder: the tests' own environment stays as it is."""
    [package] = re.findall(r'pip install "(\S+)"', HOW_TO.read_text())
    clone, within = Clone.from_env(), folder / "installed.txt"
    within.write_text("".join(f"{one.name}=={one.version}\n" for one in distributions()))
    target = ["--target", folder / "lib", "--python", sys.executable, "-c", within]
    command = [clone.venv / "bin" / "uv", "pip", "install", "--quiet", *target, package]
    subprocess.run(command, env=tool_environment(clone), check=True)
    return folder / "lib"


def write_settings(folder: Path, directory: Slapd) -> None:
    """Write the how-to's settings module, with this directory's address and certificate."""
    [block] = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    addresses = {
        "ldap://ldap.example.org": directory.url,
        "/etc/ssl/certs/ca-certificates.crt": str(directory.certificate),
    }
    for there, here in addresses.items():
        assert block.count(there) == 1
        block = block.replace(there, here)
    block += f'AUTH_LDAP_SERVER_URI = os.environ.get("LDAP_URL", "{directory.url}")\n'
    people = "AUTH_LDAP_USER_SEARCH.base_dn"
    block += f'{people} = os.environ.get("LDAP_PEOPLE", {people})\n'
    (folder / "site_settings.py").write_text(block)


@contextmanager
def ldap_site(
    folder: Path, directory: Slapd, database_url: str, redis_url: str, **env: str
) -> Iterator[LdapSite]:
    """Serve a database, with the directory's people."""
    write_settings(folder, directory)
    own = {
        "DJANGO_SETTINGS_MODULE": "site_settings",
        "PYTHONPATH": f"{folder}{os.pathsep}{install_client(folder)}",
        "LDAP_PASSWORD": READER_PASSWORD,
        **env,
    }
    with serving(database_url, redis_url, **own) as web:
        servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        yield LdapSite(web.url, os.environ | servers | own)
