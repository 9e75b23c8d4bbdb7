"""Debian's slapd on loopback, with StartTLS, people and groups that tests change."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ops.child import tethered
from ops.embedded import ports
from tests.support.waiting import until

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
PROGRAM = shutil.which("slapd", path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")
BASE = "dc=example,dc=org"
READER, READER_PASSWORD = f"cn=reprise,{BASE}", "may read the directory"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {folder}/cert.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
# As directories do by themselves that let a name without a password pass for anonymous.
allow bind_anon_cred bind_anon_dn
security tls=1
database mdb
suffix {base}
rootdn cn=root,{base}
rootpw root
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={reader} read by * none
"""
TREE = """\
dn: {base}
objectClass: dcObject
objectClass: organization
o: Example

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {password}

dn: ou=people,{base}
objectClass: organizationalUnit

dn: ou=groups,{base}
objectClass: organizationalUnit
"""


@dataclass
class Slapd:
    """A running directory, its people changed from outside."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """What vouches for it."""
        return self.folder / "cert.pem"

    def add_person(self, name: str, password: str) -> None:
        """Let somebody be there."""
        self._run(
            "ldapadd", f"dn: {_dn(name)}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\n"
            f"sn: {name.title()}\nmail: {name}@example.org\nuserPassword: {password}\n",
        )  # fmt: skip

    def remove_person(self, name: str) -> None:
        """Let somebody be there no longer."""
        self._run("ldapmodify", f"dn: {_dn(name)}\nchangetype: delete\n")

    def id_of(self, name: str) -> str:
        """Return the id that somebody keeps."""
        found = self._run("ldapsearch", "", "-LLL", "-b", _dn(name), "-s", "base", "entryUUID")
        return found.partition("entryUUID: ")[2].strip()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it take connections and say nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def set_group(self, group: str, *names: str) -> None:
        """Let just these be in a group, which is made if there is none."""
        dn = f"cn={group},ou=groups,{BASE}"
        if "cn: " in self._run("ldapsearch", "", "-b", f"ou=groups,{BASE}", f"cn={group}", "cn"):
            self._run("ldapmodify", f"dn: {dn}\nchangetype: delete\n")
        if names:
            members = "".join(f"member: {_dn(name)}\n" for name in names)
            self._run("ldapadd", f"dn: {dn}\nobjectClass: groupOfNames\ncn: {group}\n{members}")

    def _run(self, program: str, ldif: str, *more: str) -> str:
        words = [program, "-x", "-ZZ", "-H", self.url, "-D", f"cn=root,{BASE}", "-w", "root", *more]
        env = os.environ | {"LDAPTLS_CACERT": str(self.certificate)}
        ran = subprocess.run(
            words, input=ldif, env=env, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@contextmanager
def slapd(folder: Path) -> Iterator[Slapd]:
    """Run a directory with nobody in it; everything in it is gone with it."""
    assert PROGRAM, "apt-get install slapd"
    (folder / "data").mkdir(parents=True)
    _make_certificate(folder)
    config = folder / "slapd.conf"
    config.write_text(CONFIG.format(folder=folder, base=BASE, reader=READER))
    tree = TREE.format(base=BASE, reader=READER, password=READER_PASSWORD)
    load = [PROGRAM, "-T", "add", "-f", str(config)]
    subprocess.run(load, input=tree, check=True, text=True, capture_output=True)
    made = Slapd(folder, ports.free())
    command = [PROGRAM, "-f", str(config), "-h", f"ldap://127.0.0.1:{made.port}", "-d", "0"]
    with (folder / "slapd.log").open("wb") as log:
        process = subprocess.Popen(
            tethered(command, signal.SIGKILL, parent=os.getpid()), stdout=log, stderr=log
        )
    try:
        until(lambda: _listens(made.port) or process.poll() is not None, "slapd")
        assert process.poll() is None, (folder / "slapd.log").read_text()
        made.process = process
        yield made
    finally:
        process.kill()
        process.wait()


def _make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=slapd", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def _dn(name: str) -> str:
    return f"uid={name},ou=people,{BASE}"


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
