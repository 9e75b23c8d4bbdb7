"""Transport `ssh`: commands on other machines, over one connection to each (asyncssh).

The target's address is `ssh://user@host:port`. Host keys are always checked, against the file that
REPRISE_SSH_KNOWN_HOSTS names. `jobs.transports.ssh.command_line` ends a command with its worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.transports.base import Listener


async def run_ssh(argv: Sequence[str], step: Listener, **options: Any) -> int:
    """Run a command over ssh: `jobs.transports.ssh.session.run_session`.

    asyncssh is a sixth of the time that a process of this project takes to start: only one that
    runs a command on another machine loads it.
    """
    from jobs.transports.ssh import session

    return await session.run_session(argv, step, **options)
