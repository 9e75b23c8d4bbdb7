"""Installs the programs that tests need from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from ctypes.util import find_library
from pathlib import Path

from ops.errors import CannotStart
from ops.setup import run, say
from ops.setup.clone import Clone, need_space, tool_environment

PACKAGES = {
    "chromium": ("chromium", "fonts-dejavu-core"),
    "nginx": ("nginx",),
    "curl": ("curl",),
    "nchan": ("nginx", "libnginx-mod-nchan"),  # of ops/bench
    "sshd": ("openssh-server",),
    "haproxy": ("haproxy",),
    "squid": ("squid",),
    "tinyproxy": ("tinyproxy",),
    "lighttpd": ("lighttpd",),
    "varnishd": ("varnish",),
    "jq": ("jq",),
    "xxd": ("xxd",),
    "hexdump": ("bsdextrautils",),
    "openssl": ("openssl",),
    "postgres-15": ("postgresql-15",),
    "redis-server": ("redis-server",),
    "slapd": ("slapd", "ldap-utils"),
    "systemd-analyze": ("systemd",),
    "prometheus": ("prometheus",),
    # python-ldap is built from source
    "libldap-dev": ("libldap-dev", "libsasl2-dev", "gcc", "python3-dev"),
    "libatomic": ("libatomic1",),  # of Node in Playwright's wheel
}
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
MODULES = {
    "nchan": Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    "postgres-15": POSTGRES_15 / "postgres",
    "libldap-dev": Path("/usr/include/ldap.h"),
}
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
SPACE_MB = 900


def ensure(clone: Clone, programs: list[str]) -> None:
    """Install the programs that are missing (as root, or by sudo without a password).

    CannotStart, saying what to install by hand, where that is impossible.
    """
    missing = [program for program in programs if not _find(program)]
    if not missing:
        return
    packages = [package for program in missing for package in PACKAGES[program]]
    wanted = f"These tests need {', '.join(missing)}"
    by_hand = f"As root: apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise CannotStart(f"{wanted}; this machine has no apt-get to install them with.")
    become = _become_root()
    if become is None:
        raise CannotStart(f"{wanted}. {by_hand}")
    need_space(Path("/usr"), SPACE_MB)
    with say.step(f"Installing {', '.join(missing)}"):
        script = Path(__file__).with_name("install.sh")
        command = [*become, "sh", str(script), *packages]
        log = clone.log / "setup.log"
        run.run("apt-get", command, log=log, env=tool_environment(clone), cwd=clone.root)
    still = [program for program in missing if not _find(program)]
    if still:
        raise CannotStart(f"{', '.join(still)} did not come with its package. {by_hand}")


def _find(program: str) -> str | None:
    if module := MODULES.get(program):
        return str(module) if module.exists() else None
    if program.startswith("lib"):
        return find_library(program.removeprefix("lib"))
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def _become_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if asked.returncode == 0 else None
