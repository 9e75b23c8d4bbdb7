"""Records each call of the project's functions; Python imports this first if its path has it.

A line of `REPRISE_TRACE/<pid>` is a call: nanoseconds of the monotonic clock, which all processes
of a machine share, the file below the root, and the function.
"""

import os
import sys
import threading
import time
from types import CodeType, FrameType

_PACKAGES = ("core", "jobs", "streams", "frontend")


class _Tracer:
    def __init__(self, folder: str, root: str) -> None:
        self._path = os.path.join(folder, str(os.getpid()))
        self._heads = tuple(os.path.join(root, package) + os.sep for package in _PACKAGES)
        self._root = root
        self._names: dict[CodeType, bytes] = {}
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        name = self._names.get(code)
        if name is None:
            name = self._names[code] = self._name(code)
        if name:
            os.write(self._file, b"%d %s\n" % (time.monotonic_ns(), name))

    def _name(self, code: CodeType) -> bytes:
        """Return a function's file and name; nothing for the body of a module, or foreign code."""
        if code.co_name == "<module>" or not code.co_filename.startswith(self._heads):
            return b""
        file = os.path.relpath(code.co_filename, self._root)
        return f"{file} {code.co_qualname}".encode()


def _start() -> None:
    folder = os.environ.get("REPRISE_TRACE")
    if folder:
        tracer = _Tracer(folder, os.getcwd())
        threading.setprofile(tracer)
        sys.setprofile(tracer)


_start()
