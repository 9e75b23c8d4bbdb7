"""The how-to for Debian, tried: its commands in an empty Debian that systemd boots, a job, doctor.

`systemd-nspawn` boots it, with a loopback network of its own. What the page does not say, and
somebody would type or have, is in BETWEEN: a certificate, a name, the first person's password.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ops.errors import CannotStart
from ops.launcher.__main__ import guarded
from ops.setup import run, say
from ops.setup.clone import ROOT
from ops.trials import host

PAGE = ROOT / "docs" / "how-to" / "install-on-debian.md"
NSPAWN = "systemd-nspawn"
FIRST = "Packages and the environment"
INSTALL = ROOT / "ops" / "suites" / "install.sh"
SYSTEM = ("systemd", "systemd-sysv", "dbus", "openssl", "ca-certificates")
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNIT = """
[Unit]
Description=The trial
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/trial.sh >/trial.log 2>&1; echo $? >/trial.status'
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
"""
BETWEEN = {
    "nginx": """
echo '127.0.0.1 reprise.example.org' >>/etc/hosts
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \\
  -subj /CN=reprise.example.org -addext subjectAltName=DNS:reprise.example.org \\
  -keyout /etc/ssl/private/reprise.key -out /etc/ssl/reprise.pem
cp /etc/ssl/reprise.pem /usr/local/share/ca-certificates/reprise.crt
update-ca-certificates
"""
}
JOB = """
admin createsuperuser --no-input --username ann --email ann@example.org
printf 'targets:\\n  - name: here\\n' >/var/lib/reprise/targets.yaml
chown reprise /var/lib/reprise/targets.yaml
admin targets import /var/lib/reprise/targets.yaml
TOKEN=$(admin token make ann trial | tail -1) python3 /job.py
systemctl restart reprise-web@8001
curl --fail --silent --retry 60 --retry-all-errors --retry-delay 1 \\
  -H 'Host: reprise.example.org' http://127.0.0.1:8001/readyz
admin doctor
systemctl start reprise-doctor
systemctl --no-pager --failed
"""
SUBMIT = """
import json, os, time, urllib.request as u
site, auth = "https://reprise.example.org/api", {"Authorization": "Bearer " + os.environ["TOKEN"]}
def ask(path, body=None):
    headers = auth | {"Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    return json.load(u.urlopen(u.Request(site + path, data, headers), timeout=60))
params = {"targets": ["here"], "command": "echo rolling; id -u"}
job = ask("/jobs", {"kind": "command", "params": params})["id"]
while (found := ask("/jobs/" + job))["status"] not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.5)
print("JOB", found["status"], found["message"])
raise SystemExit(found["status"] != "succeeded")
"""


def main() -> int:
    """Try the page in `FOLDER/root` with the wheels of `FOLDER/dist`, in a mount namespace."""
    folder, began = Path(sys.argv[1]), time.monotonic()
    bind_folders(folder / "root")
    outcome = try_page(folder)
    say.line(
        f"  {'Debian by its how-to':<28}{say.seconds(time.monotonic() - began):>14}   {outcome}"
    )
    return 0


def try_page(folder: Path) -> str:
    """Run the page in the Debian under `folder/root`; return what came of it. CannotStart."""
    root, log = folder / "root", folder / "trial.log"
    if shutil.which(NSPAWN) is None:
        run.run("apt-get", ["sh", INSTALL, "systemd-container"], log=log)
    with say.step("Installing Debian's packages and the wheel"):
        shutil.copytree(folder / "dist", root / "dist")
        shutil.copy(INSTALL, root / "install.sh")
        [first] = read_blocks()[FIRST]
        apt = "apt-get install --no-install-recommends"
        script = first.replace(apt, f"sh /install.sh curl {' '.join(SYSTEM)}")
        enter_root(root, script, log)
    write_trial(root)
    with say.step("Booting it, and running the page"):
        words = ["--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]
        run.run(NSPAWN, [NSPAWN, *words, f"--directory={root}"], log=log)
    status, said = root / "trial.status", (root / "trial.log").read_text()
    if not status.exists() or status.read_text().strip() != "0":
        raise CannotStart(f"the page's commands failed:\n{said[-3000:]}")
    findings = re.findall("^(?:ok|warning) .*$", said, re.MULTILINE)
    [job] = re.findall("^JOB (.*)$", said, re.MULTILINE)
    return f"job {job}; doctor: {len(findings)} checks, no problem"


def read_blocks() -> dict[str, list[str]]:
    """Return the page's commands by the heading they stand under."""
    sections = PAGE.read_text().split("\n## ")[1:]
    return {part.split("\n", 1)[0]: BLOCK.findall(part) for part in sections}


def write_trial(root: Path) -> None:
    blocks = read_blocks()
    steps = ["set -eux", "cd /srv/reprise/current/share/reprise"]
    for heading in ("Postgres and Redis", "Settings", "Units", "nginx"):
        steps += [BETWEEN.get(heading, ""), *blocks[heading]]
    [check] = blocks["The first person, and the check"]
    steps += [check.partition("admin createsuperuser")[0], JOB]
    (root / "trial.sh").write_text("\n".join(["#!/bin/sh", *steps]))
    (root / "trial.sh").chmod(0o755)
    (root / "job.py").write_text(SUBMIT)
    (root / "etc/systemd/system/trial.service").write_text(UNIT.lstrip())
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "trial.service").symlink_to("/etc/systemd/system/trial.service")


def enter_root(root: Path, script: str, log: Path) -> None:
    """Run a shell script in the root, with this machine's network."""
    words = [f"{name}={value}" for name, value in host.variables().items()]
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    shell = ["env", "-i", path, "HOME=/root", "LANG=C.UTF-8", *words, "sh", "-euxc", script]
    run.run("the page's first commands", ["chroot", root, *shell], log=log)


def bind_folders(root: Path) -> None:
    """Mount the folders of this machine that package clients read."""
    for folder in host.folders():
        inside = root / str(folder).lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", "--read-only", folder, inside], check=True)


if __name__ == "__main__":
    sys.exit(guarded(main, "trial"))
