"""`ops/image`: build the service's image from what is committed, and the list of its components.

It takes podman, and makes `deploy/Containerfile` in a chroot, on this machine's network. What makes
apt, pip and npm work here (certificates, settings) is mounted while it builds and is not in the
image. The list is CycloneDX, of the locked requirements.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from ops.errors import CannotStart
from ops.launcher.__main__ import guarded
from ops.setup import run, say, venv
from ops.setup.clone import CERTIFICATES, Clone, need_space, tool_environment
from ops.trials import host

TAG = "localhost/reprise:latest"
DEBIAN, SUITE = "localhost/reprise-debian:bookworm", "bookworm"
SPACE_MB = 3000
# What podman makes itself, and what would become part of the image.
NOT_MOUNTED = ("/etc/resolv.conf", "/etc/hosts", host.CERTIFICATES)
AUTHORITIES = "/run/authorities.crt"
BY_VARIABLE = (
    "SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip


def main() -> int:
    """Build; CannotStart, with the reason, where that is impossible."""
    options = _parse()
    clone = Clone.from_env()
    _write_components(clone, options.components.absolute())
    if not options.only_components:
        if shutil.which("podman") is None:
            raise CannotStart("podman is missing: apt-get install podman buildah")
        need_space(Path("/var/tmp"), SPACE_MB)  # noqa: S108 - where podman builds
        base = _make_debian(clone) if options.from_debootstrap else options.base
        _build(clone, base, options.tag)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/image", description=__doc__)
    parser.add_argument("--tag", default=TAG, help=f"the image's name ({TAG})")
    parser.add_argument("--base", help="the image to begin with (Debian's)")
    parser.add_argument(
        "--from-debootstrap",
        action="store_true",
        help="begin with a Debian that debootstrap makes, where no image can be pulled (as root)",
    )
    parser.add_argument(
        "--components",
        type=Path,
        default=Path("dist/reprise.cdx.json"),
        help="where the list of components is written (dist/reprise.cdx.json)",
    )
    parser.add_argument("--only-components", action="store_true", help="build no image")
    return parser.parse_args()


def _write_components(clone: Clone, target: Path) -> None:
    """Write the CycloneDX document of the service's locked requirements."""
    uv, target_folder = venv.ensure_uv(clone), target.parent
    target_folder.mkdir(parents=True, exist_ok=True)
    files = clone.root / "requirements"
    tool: list[str | Path] = [
        "tool",
        "run",
        "--from",
        "cyclonedx-bom",
        "--constraints",
        files / "sbom.txt",
    ]
    words: list[str | Path] = [
        "requirements",
        files / "service.txt",
        "--pyproject",
        clone.root / "pyproject.toml",
    ]
    form: list[str | Path] = [
        "--output-format",
        "JSON",
        "--output-reproducible",
        "--output-file",
        target,
    ]
    with say.step("Listing the components") as step:
        command: list[str | Path] = [uv, *tool, "cyclonedx-py", *words, *form]
        _run(clone, "cyclonedx-py", command)
        step.note = str(target)


def _make_debian(clone: Clone) -> str:
    """Make an image of an empty Debian; return its name."""
    if shutil.which("debootstrap") is None:
        raise CannotStart("debootstrap is missing: apt-get install debootstrap")
    with tempfile.TemporaryDirectory(prefix="reprise-image-", dir="/var/tmp") as folder:
        root, archive = Path(folder) / "root", Path(folder) / "root.tar"
        address = host.mirror()
        with say.step("Making an empty Debian"):
            command: list[str | Path] = ["debootstrap", "--variant=minbase", SUITE, root]
            _run(clone, "debootstrap", [*command, *([address] if address else [])])
            _run(clone, "tar", ["tar", "--create", "--file", archive, "--directory", root, "."])
            _run(clone, "podman import", ["podman", "import", "--quiet", archive, DEBIAN])
    return DEBIAN


def _build(clone: Clone, base: str | None, tag: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="reprise-image-", dir="/var/tmp") as folder,
        say.step("Building the image") as step,
    ):
        context, environment = Path(folder) / "context", Path(folder) / "environment"
        context.mkdir()
        _copy_committed(clone, context)
        command: list[str | Path] = [
            "podman", "build", "--isolation", "chroot", "--network", "host", "--format", "docker",
            "--tag", tag, "--file", "deploy/Containerfile", *_labels(clone, base), *_mounts(),
            *_write_environment(environment),
        ]  # fmt: skip
        _run(clone, "podman build", [*command, context], cwd=context)
        step.note = tag


def _copy_committed(clone: Clone, folder: Path) -> None:
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=clone.root, capture_output=True, check=True
    )
    subprocess.run(["tar", "--extract", "--directory", folder], input=archive.stdout, check=True)


def _labels(clone: Clone, base: str | None) -> list[str]:
    """Return the arguments that become labels of the image, and its base."""
    version = tomllib.loads((clone.root / "pyproject.toml").read_text())["project"]["version"]
    head = ["git", "log", "-1", "--format=%H %ct"]
    said = subprocess.run(head, cwd=clone.root, capture_output=True, text=True, check=True)
    revision, seconds = said.stdout.split()
    created = datetime.fromtimestamp(int(seconds), UTC)
    values = {"VERSION": version, "REVISION": revision, "CREATED": f"{created:%Y-%m-%dT%H:%M:%SZ}"}
    values |= {"BASE": base} if base else {}
    return [word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")]


def _mounts() -> list[str]:
    """Return what lets package clients of the build work as they do here, and stays out of it."""
    home = str(Path.home())
    files = {name: name for name in host.SYSTEM if name not in NOT_MOUNTED}
    files |= {f"{home}/{name}": f"/root/{name}" for name in host.PERSONAL}
    files |= {str(path): str(path) for path in host.folders()}
    files[str(CERTIFICATES)] = AUTHORITIES
    there = {inside: path for path, inside in files.items() if Path(path).exists()}
    return [f"--volume={path}:{inside}:ro" for inside, path in there.items()]


def _write_environment(path: Path) -> list[str]:
    """Write the variables that package clients read as a shell has them; return the argument."""
    found = {name: value for name, value in host.variables().items() if name != "SSL_CERT_DIR"}
    found |= dict.fromkeys(BY_VARIABLE, AUTHORITIES) if CERTIFICATES.is_file() else {}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
    path.write_text("\n".join([*lines, ""]))
    return [f"--secret=id=environment,src={path}"]


def _run(clone: Clone, what: str, command: list[str | Path], cwd: Path | None = None) -> None:
    log, env = clone.log / "setup.log", tool_environment(clone)
    run.run(what, command, log=log, env=env, cwd=cwd or clone.root)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(guarded(main, "image"))
