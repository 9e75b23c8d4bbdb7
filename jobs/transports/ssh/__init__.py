"""Transport `ssh`: commands on other machines, over one connection to each (asyncssh).

The target's address is `ssh://user@host:port`. Host keys are always checked, against the file that
REPRISE_SSH_KNOWN_HOSTS names. How a command there ends with its worker: `jobs.transports.ssh.line`.
"""

from jobs.transports.ssh.session import run

__all__ = ["run"]
