"""Engine `command`: a program of the administrator's that prints a value."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.secret_stores import CommandStore
from jobs.secrets.stores.errors import NotInStore, StoreRefused, StoreUnreachable

PLACE = "{reference}"
MAX_BYTES = 64 * 1024
# What the program gets of the worker's environment, beside what its `pass_env` names.
KEPT = ("HOME", "LANG", "PATH", "TZ", "USER")


class Program:
    """One store: `argv` and the reference, no shell, its output the value less a last newline."""

    def __init__(self, name: str, config: CommandStore) -> None:
        self._name = name
        self._config = config

    def fetch(self, reference: str) -> str:
        """Return what the program prints (`SecretEngine.fetch`)."""
        status, output = self._run(self._words(reference))
        if len(output) > MAX_BYTES:
            raise StoreRefused(f"The store {self._name} printed more than {MAX_BYTES:,} bytes.")
        if status:
            raise StoreRefused(f"The store {self._name} ended with status {status}: {reference}.")
        try:
            value = output.decode()
        except UnicodeDecodeError:
            raise StoreRefused(f"The store {self._name} did not print UTF-8.") from None
        if not value.strip():
            raise NotInStore(f"The store {self._name} printed nothing for {reference}.")
        return value.removesuffix("\n").removesuffix("\r")

    def _words(self, reference: str) -> list[str]:
        argv = list(self._config.argv)
        if not any(PLACE in word for word in argv[1:]):
            return [*argv, reference]
        return [argv[0], *(word.replace(PLACE, reference) for word in argv[1:])]

    def _run(self, words: list[str]) -> tuple[int, bytes]:
        """Run the program within its time; what is left of its process group ends with it."""
        names = (*KEPT, *self._config.pass_env)
        env = {name: os.environ[name] for name in names if name in os.environ}
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=env, cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            kind = type(error).__name__
            raise StoreUnreachable(f"The store {self._name} cannot be started ({kind}).") from None
        with process, _ended_after(process, self._config.timeout_s) as late:
            output = process.stdout.read(MAX_BYTES + 1) if process.stdout else b""
            if len(output) > MAX_BYTES:
                _kill_group(process)
        if late.is_set():
            seconds = self._config.timeout_s
            raise StoreUnreachable(f"The store {self._name} took longer than {seconds:g} s.")
        return process.returncode, output


@contextmanager
def _ended_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """End the program's group after a time, and in any case; yield what tells that it was late."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield late
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its number stays its own
    finally:
        timer.cancel()
        timer.join()
        _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
