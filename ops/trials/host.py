"""What makes package clients work on this machine, carried over to the trial's Debian.

Certificates, the settings of apt, pip, uv and npm, and the environment that they read; package
indexes that are folders of this machine are mounted, never copied. None of it is written down here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

CERTIFICATES = "/usr/local/share/ca-certificates"
SYSTEM = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/uv",
    "/etc/npmrc",
    "/usr/etc/npmrc",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d",
    "/etc/apt/apt.conf.d",
    "/etc/apt/auth.conf.d",
    "/etc/apt/preferences.d",
    "/etc/apt/keyrings",
    "/etc/apt/trusted.gpg.d",
    "/usr/share/keyrings",
    CERTIFICATES,
)
PERSONAL = (".config/pip", ".pip", ".config/uv", ".npmrc")
# apt settings of other packages name programs that the trial's Debian does not have
FOREIGN_HOOKS = re.compile(r"(Pre|Post)-Invoke|Pre-Install-Pkgs")
VARIABLE = re.compile(
    r"(PIP|UV|NPM_CONFIG|npm_config|NODE_EXTRA|SSL_CERT|REQUESTS_CA|CURL_CA|GIT_SSL)_?\w*"
    r"|(https?|no|all)_proxy",
    re.IGNORECASE,
)


def mirror() -> str | None:
    """Return the Debian archive that this machine's apt uses; None: debootstrap's own default."""
    for file in sorted(Path("/etc/apt").glob("sources.list.d/*.sources")):
        text = file.read_text()
        if "bookworm" in text and (found := re.search(r"^URIs:\s*(\S+)", text, re.MULTILINE)):
            return found[1]
    for file in [Path("/etc/apt/sources.list"), *Path("/etc/apt").glob("sources.list.d/*.list")]:
        lines = file.read_text() if file.exists() else ""
        if found := re.search(r"^deb\s+(?:\[.*?\]\s+)?(\S+)\s+bookworm\s", lines, re.MULTILINE):
            return found[1]
    return None


def variables() -> dict[str, str]:
    """Return the part of the environment that package clients read."""
    return {name: value for name, value in os.environ.items() if VARIABLE.fullmatch(name)}


def carry_system(root: Path) -> None:
    """Copy this machine's system-wide settings into the Debian under `root`."""
    if mirror() is not None:
        (root / "etc/apt/sources.list").unlink(missing_ok=True)  # debootstrap's: the same again
    for name in SYSTEM:
        _copy(Path(name), root / name.lstrip("/"))
    for file in (root / "etc/apt/apt.conf.d").glob("*"):
        if FOREIGN_HOOKS.search(file.read_text(errors="replace")):
            file.unlink()
    if (root / CERTIFICATES.lstrip("/")).is_dir():
        subprocess.run(["chroot", root, "update-ca-certificates"], check=True, capture_output=True)


def carry_personal(home: Path, uid: int, gid: int) -> None:
    """Copy this user's own settings into a home of the trial, and give them to its owner."""
    for name in PERSONAL:
        _copy(Path.home() / name, home / name)
    for path in [home, *home.rglob("*")]:
        os.chown(path, uid, gid, follow_symlinks=False)


def folders() -> list[Path]:
    """Return the folders of this machine that the carried settings name as package indexes."""
    texts = [*variables().values(), *(_text(Path(name)) for name in ("/etc/pip.conf",))]
    texts += [_text(Path.home() / name / "pip.conf") for name in (".config/pip", ".pip")]
    named = {urlsplit(word).path for text in texts for word in re.split(r"[\s=,]+", text)}
    found = {Path(name) for name in named if name.startswith("/") and Path(name).is_dir()}
    found -= {Path("/"), Path("/etc/ssl/certs")}
    # an index's pages (…/simple) name files beside them
    return sorted({path.parent if path.name == "simple" else path for path in found})


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False, dirs_exist_ok=True)
    elif source.exists():
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
