"""What a command on a local target may not get at: `python -I -S attacks.py WAY '{"state": …}'`.

Run as a command. It ends with 0, and says what it got, where the way leads to something of the
service; with 1 where it leads nowhere. Standard library only. It is told all that is no secret:

    state        the state folder
    control      the port by which the fleet is told to restart gs-012
    folder       what the command may write
    code         a folder of the service's code
    worker       the worker's process id
    other        a word that another command of this copy has among its own
    postgres     the port of Postgres
    valkey       the port of Valkey
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Known = dict[str, Any]
PTRACE_SEIZE = 0x4206
COMMANDS_UID = 65533
SECRETS = (b"DATABASE_URL=", b"REDIS_URL=", b"REPRISE_STATE=")
GIVEN = {"REPRISE_JOB", "REPRISE_FENCE", "REPRISE_STEP", "REPRISE_TARGET", "REPRISE_ATTEMPT"}
SECONDS = 5.0


def parents_environment(known: Known) -> object:
    """The environment of the process that started the command, and of the worker."""
    return found_in(f"/proc/{pid}/environ" for pid in (os.getppid(), known["worker"]))


def all_environments(known: Known) -> object:
    """The environment of any process."""
    return found_in(f"/proc/{pid}/environ" for pid in others())


def own_environment(known: Known) -> object:
    """What the command itself has inherited."""
    ours = {name for name in os.environ if name.startswith("REPRISE_")} - GIVEN
    return ours | ({"DATABASE_URL", "REDIS_URL", "PGPASSWORD"} & set(os.environ))


def read_state(known: Known) -> object:
    """Django's key, the databases' passwords, by the folder and by other processes' roots."""
    roots = ["", *(f"/proc/{pid}/root" for pid in others())]
    names = ("secret_key", "secret_keys", "postgres.json", "valkey.json", "demo.json")
    return readable(f"{root}{known['state']}/{name}" for root in roots for name in names)


def read_token(known: Known) -> object:
    """The demo user's token, which the tools read."""
    return readable([f"{known['state']}/ready.json"])


def read_seal_key(known: Known) -> object:
    """The key that signs seals."""
    return readable([f"{known['state']}/seal_key"])


def write_state(known: Known) -> object:
    """The state folder (one with nothing but the fleet is our own), or code of the service."""
    state = [known["state"]] if os.listdir(known["state"]) != ["fleet"] else []
    return writable([*state, known["code"], sys.prefix])


def sockets(known: Known) -> object:
    """Postgres by its socket, as the user that we are, and the keeper of the processes."""
    named = [f"{folder}/.s.PGSQL.{known['postgres']}" for folder in ("/run/postgresql", "/tmp")]  # noqa: S108
    return [path for path in (*named, f"{known['state']}/keeper.sock") if answers(path)]


def postgres_without_password(known: Known) -> object:
    """Postgres by TCP, as its superuser and as the application."""
    return [role for role in ("postgres", "reprise") if trusts(known["postgres"], role)]


def valkey_without_password(known: Known) -> object:
    """Valkey by TCP."""
    with socket.create_connection(("127.0.0.1", known["valkey"]), SECONDS) as connection:
        connection.sendall(b"PING\r\n")
        return not connection.recv(100).startswith(b"-NOAUTH")


def trace(known: Known) -> object:
    """The worker's registers, and any process's memory."""
    traced = ctypes.CDLL(None).ptrace(PTRACE_SEIZE, known["worker"], None, None) == 0
    return traced or readable(f"/proc/{pid}/mem" for pid in others())


def signal_service(known: Known) -> object:
    """A signal to the worker, and to whatever else is no process of this command."""
    return [pid for pid in {known["worker"], *others()} if may_signal(pid)]


def see_other_command(known: Known) -> object:
    """What another command does, and a signal to it."""
    lines = {pid: content(f"/proc/{pid}/cmdline") for pid in others(commands=True)}
    return [pid for pid, line in lines.items() if known["other"].encode() in line]


def descriptors(known: Known) -> object:
    """Files and sockets that the service has open: inherited, or by /proc."""
    inherited = [one for one in os.listdir("/proc/self/fd") if int(one) > 2 and is_open(int(one))]
    return inherited or [pid for pid in others() if has_entries(f"/proc/{pid}/fd")]


def unmount(known: Known) -> object:
    """What is hidden, in a user namespace in which everything seems allowed."""
    script = 'umount -l "$0" /tmp /run; umount -R "$0"; ls "$0"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    ran = subprocess.run([*command, known["state"]], capture_output=True, text=True, check=False)
    return set(ran.stdout.split()) - {Path(known["folder"]).name}


def fleet(known: Known) -> object:
    """What a server of the demo fleet can see, which runs what commands have written."""
    place = Path(known["folder"], "gs-012")
    attack = [sys.executable, "-I", "-S", __file__, "read_state", json.dumps(known)]
    script = f"{shlex.join(attack)} >loot.new; mv loot.new loot"
    program = f"import os; os.chdir({str(place)!r}); os.system({script!r})"
    (place / "current" / "server.py").write_text(program)
    with socket.create_connection(("127.0.0.1", known["control"]), SECONDS) as connection:
        connection.sendall(b"POST /restart HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        connection.recv(100)
    end = time.monotonic() + 4 * SECONDS
    while not (place / "loot").exists() and time.monotonic() < end:
        time.sleep(0.1)
    return "leads nowhere" not in (place / "loot").read_text()


def others(commands: bool = False) -> Iterator[int]:
    """Yield the processes of others; if commands have a user, theirs only where that is asked."""
    ours = {os.getpid(), os.getppid(), 1}
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    alone = not commands and os.getuid() == COMMANDS_UID
    pids = [pid for pid in pids if not (alone and owner_of(pid) == COMMANDS_UID)]
    return (pid for pid in pids if pid not in ours and os.getpgid(0) != group_of(pid))


def owner_of(pid: int) -> int | None:
    """Return a process's user."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def group_of(pid: int) -> int | None:
    """Return a process's group."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def content(path: str) -> bytes:
    """Return the beginning of a file, nothing where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(100_000)
    except OSError:
        return b""


def found_in(paths: Iterator[str]) -> list[str]:
    """Return those of the environments that have the service's secrets."""
    return [path for path in paths if any(name in content(path) for name in SECRETS)]


def readable(paths: Iterator[str] | list[str]) -> list[str]:
    """Return those of the files that can be opened."""
    return [path for path in paths if os.access(path, os.R_OK) and is_openable(path)]


def is_openable(path: str) -> bool:
    """Return whether a file can be opened to be read."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def writable(folders: list[Any]) -> list[str]:
    """Return those of the folders in which a file can be made."""
    made = []
    for folder in map(str, folders):
        try:
            path = os.path.join(folder, f"attack-{os.getpid()}")
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            os.unlink(path)
        except OSError:
            continue
        made.append(folder)
    return made


def answers(path: str) -> bool:
    """Return whether a socket can be connected to."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        return connection.connect_ex(path) == 0


def trusts(port: int, role: str) -> bool:
    """Return whether Postgres lets a role in without a password."""
    words = f"user\0{role}\0database\0postgres\0\0".encode()
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
        answer = connection.recv(9)
        return answer[:1] == b"R" and struct.unpack("!i", answer[5:9])[0] == 0


def may_signal(pid: int) -> bool:
    """Return whether a process would get a signal from us."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def is_open(descriptor: int) -> bool:
    """Return whether a descriptor is open and no folder, as /proc/self/fd itself is here."""
    try:
        return not os.path.isdir(f"/proc/self/fd/{descriptor}") and bool(os.fstat(descriptor))
    except OSError:
        return False


def has_entries(folder: str) -> bool:
    """Return whether a folder can be listed and has something but the first three."""
    try:
        return any(int(name) > 2 for name in os.listdir(folder))
    except OSError:
        return False


WAYS: dict[str, Callable[[Known], object]] = {
    way.__name__: way
    for way in (
        parents_environment, all_environments, own_environment, read_state, read_token,
        read_seal_key, write_state, sockets, postgres_without_password, valkey_without_password,
        trace, signal_service, see_other_command, descriptors, unmount, fleet,
    )
}  # fmt: skip


if __name__ == "__main__":
    got = WAYS[sys.argv[1]](json.loads(sys.argv[2]))
    print(f"{sys.argv[1]}: {got}" if got else f"{sys.argv[1]} leads nowhere")
    sys.exit(not got)
