"""Runs a command apart from the service: `python -I -S launcher.py WORD…`, its plan on stdin.

A program of its own, standard library only, which the service starts with no environment. The plan
is one line of JSON:

    env           the command's environment
    folders       where it is to start: the first of them that it can enter
    uid           whom to become, with no other group; null: stay who we are
    namespaces    whether to make namespaces, for the mounts and for processes of its own
    mounts        [[path, how], …], shallow before deep: "hide", "scratch" (a folder of its own),
                  "read", "write"; the rest is seen as it is, read-only

It waits for the command and ends as it did, 128 and a signal's number included. The first process
of the namespaces stays until all of them have ended; it ends all of them when standard input ends,
or the process group is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from typing import Any, NoReturn

CANNOT = 125
NOT_RUNNABLE = 126  # as shells have it
HOME = "/tmp/home"  # noqa: S108 - in a /tmp of its own
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
DEAF_TO = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
DEFAULT_FOR = (*DEAF_TO, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWIPC = 0x20000, 0x2000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_READ_ONLY = 1
SYS_MOUNT_SETATTR, SYS_LANDLOCK_CREATE, SYS_LANDLOCK_RESTRICT = 442, 444, 446
SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}
JOIN_SESSION_KEYRING = 1
LANDLOCK_VERSION, LANDLOCK_SCOPES_SINCE, LANDLOCK_SCOPE_ALL = 1, 6, 3
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 24, 36, 38
CAPABILITIES = 64
CAPABILITY_VERSION = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    """Start the command as planned, wait for it, end as it did."""
    for number in DEAF_TO:  # they are for the command; this process sees its end
        signal.signal(number, signal.SIG_IGN)
    plan = json.loads(read_line(0) or "null")
    if plan is None:
        os._exit(CANNOT)
    status, report = os.pipe()
    try:
        if plan["namespaces"]:
            make_namespaces(os.getuid(), os.getgid())
    except OSError as error:
        give_up(error)
    if os.fork() == 0:
        os.close(status)
        run_init(plan, report)
    os.close(report)
    ended = os.read(status, 16)
    os._exit(int(ended) if ended else 128 + signal.SIGKILL)


def read_line(descriptor: int) -> bytes:
    """Return what comes up to a newline, nothing where the end comes first."""
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(descriptor, 65536)
        if not part:
            return b""
        line += part
    return bytes(line)


def run_init(plan: dict[str, Any], report: int) -> NoReturn:
    """Be the first process: make the view of the machine, start the command, reap, report."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        if plan["namespaces"]:
            build_view(plan["mounts"])
        drop_rights(plan["uid"])
        if plan["namespaces"]:
            os.mkdir(HOME, 0o700)
    except OSError as error:
        os.write(report, b"%d" % CANNOT)
        give_up(error)
    command = os.fork()
    if command == 0:
        become_command(plan["folders"], plan["env"])
    poll = select.poll()
    for descriptor in (0, wake):
        poll.register(descriptor, select.POLLIN)
    while 0 not in dict(poll.poll()):
        os.read(wake, 4096)
        reap(command, report)
    os.killpg(0, signal.SIGKILL)
    os._exit(0)


def reap(command: int, report: int) -> None:
    """Take notice of every process that has ended; end with the last of them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            os._exit(0)
        if pid == 0:
            return
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            os.write(report, b"%d" % (code if code >= 0 else 128 - code))


def become_command(folders: list[str], env: dict[str, str]) -> NoReturn:
    """Become the command: no standard input, usual signals; a shell says why where it cannot."""
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    for number in DEFAULT_FOR:
        signal.signal(number, signal.SIG_DFL)
    for folder in folders:
        try:
            os.chdir(folder)
            break
        except OSError as error:
            problem = f"{folder}: {(error.strerror or '').lower()}"
    else:
        print(problem, file=sys.stderr, flush=True)  # noqa: T201
        os._exit(NOT_RUNNABLE)
    os.execve("/bin/sh", ["sh", "-c", 'exec "$@"', "reprise", *sys.argv[1:]], env)  # noqa: S606


def give_up(error: OSError) -> NoReturn:
    """Say on standard error what cannot be done here."""
    print(f"The command cannot be isolated: {error}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(CANNOT)


def make_namespaces(uid: int, gid: int) -> None:
    """Make namespaces for the children; a user namespace around them where we are not root."""
    others = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWCGROUP
    check(libc.unshare(others | (CLONE_NEWUSER if uid else 0)), "unshare")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                           ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def build_view(mounts: list[tuple[str, str]]) -> None:
    """Mount what the command is to see: read-only, less what is hidden, and what it may write."""
    mask = os.umask(0o022)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    shown = {path: os.open(path, os.O_PATH) for path, how in mounts if how in ("read", "write")}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES}
    set_read_only("/", True, AT_RECURSIVE)
    hidden = ["/dev"]
    for path, how in mounts:
        if path in shown:
            bind(shown[path], path)
            set_read_only(path, how == "read", AT_RECURSIVE)
        elif os.path.isdir(path):
            mount_empty(path, "1777" if how == "scratch" else "755")
            hidden += [path] if how == "hide" else []
        elif os.path.exists(path):
            bind(devices["null"], path)
    build_devices(devices)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in hidden:
        set_read_only(path, True)
    for descriptor in (*shown.values(), *devices.values()):
        os.close(descriptor)
    os.umask(mask)


def build_devices(devices: dict[str, int]) -> None:
    """Make a /dev with the usual devices, terminals and shared memory of its own."""
    mount_empty("/dev", "755")
    for name, descriptor in devices.items():
        bind(descriptor, f"/dev/{name}")
    for name, place in LINKS.items():
        os.symlink(place, f"/dev/{name}")
    for folder in ("pts", "shm"):
        os.mkdir(f"/dev/{folder}")
    mount_empty("/dev/shm", "1777")  # noqa: S108 - its own
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666")
    os.symlink("pts/ptmx", "/dev/ptmx")


def drop_rights(uid: int | None) -> None:
    """Become the user, with no group, capability, key or new right; orphans become children."""
    for capability in range(CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    check(libc.capset(header, none), "capset")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper")
    if keyctl := SYS_KEYCTL.get(os.uname().machine):
        libc.syscall(keyctl, JOIN_SESSION_KEYRING, None)
    scope_by_landlock()


def scope_by_landlock() -> None:
    """Refuse abstract sockets and signals beyond the command, where the kernel can (6.12)."""
    if libc.syscall(SYS_LANDLOCK_CREATE, None, 0, LANDLOCK_VERSION) < LANDLOCK_SCOPES_SINCE:
        return
    rules = (ctypes.c_uint64 * 3)(0, 0, LANDLOCK_SCOPE_ALL)
    made = libc.syscall(SYS_LANDLOCK_CREATE, rules, ctypes.sizeof(rules), 0)
    check(made, "landlock")
    check(libc.syscall(SYS_LANDLOCK_RESTRICT, made, 0), "landlock")
    os.close(made)


def bind(descriptor: int, path: str) -> None:
    """Show at a path, made if it is not there, what a descriptor is open on."""
    source = f"/proc/self/fd/{descriptor}"
    if not os.path.exists(path):
        os.makedirs(path if os.path.isdir(source) else os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT, 0o644))
    mount(source, path, None, MS_BIND | MS_REC)


def mount_empty(path: str, mode: str) -> None:
    """Mount an empty folder."""
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")


def mount(
    source: str | None, path: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    """Call mount(2); OSError."""
    texts = [text.encode() if text else None for text in (source, kind, options)]
    done = libc.mount(texts[0], os.fsencode(path), texts[1], ctypes.c_ulong(flags), texts[2])
    check(done, path)


def set_read_only(path: str, on: bool, flags: int = 0) -> None:
    """Make a mount read-only or not."""
    attributes = (ctypes.c_uint64 * 4)(*((MOUNT_READ_ONLY, 0) if on else (0, MOUNT_READ_ONLY)))
    size = ctypes.sizeof(attributes)
    done = libc.syscall(
        SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags, attributes, ctypes.c_size_t(size)
    )
    check(done, path)


def check(result: int, what: str) -> None:
    """Raise OSError where a call has failed."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)


if __name__ == "__main__":
    main()
