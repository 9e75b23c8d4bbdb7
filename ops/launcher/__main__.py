"""`ops/up`, first half: claim the state folder, make the clone ready, hand over to `serve`."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable

from ops.embedded import ports
from ops.errors import CannotStart
from ops.launcher import state
from ops.launcher.options import HOST, Options, parse
from ops.setup import frontend, say, venv
from ops.setup.clone import need_space

STATE_MB = 300


def main() -> int:
    """Prepare, then become `serve`."""
    options = parse(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    began = time.time()
    lock = state.claim(options.clone.state, options.url)
    need_space(options.clone.state, STATE_MB)
    cleared = state.clear(options.clone.state)
    if cleared:
        say.line(f"  Ended what an earlier start had left running: {', '.join(cleared)}.")
    if not ports.is_free(options.port, HOST):
        raise CannotStart(
            f"Port {options.port} is taken: stop what uses it, or choose another with PORT=8001."
        )
    venv.ensure(options.clone, "local")
    frontend.ensure_built(options.clone)
    return _hand_over(options, lock, began)


def _hand_over(options: Options, lock: int, began: float) -> int:
    os.set_inheritable(lock, True)
    python = str(options.clone.python)
    command = [python, "-m", "ops.launcher.serve", *sys.argv[1:]]
    kept = {"REPRISE_UP_LOCK": str(lock), "REPRISE_UP_BEGAN": str(began)}
    os.execve(python, command, {**venv.environment(options.clone), **kept})  # noqa: S606


def guarded(run: Callable[[], int], script: str = "up") -> int:
    """Run, and turn what stops a start into one line on stderr; return the exit status."""
    try:
        return run()
    except CannotStart as error:
        print(f"ops/{script}: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        print(
            f"ops/{script}: {error.strerror}: {error.filename or ''}".rstrip(": "), file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print(f"ops/{script}: stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(guarded(main))
