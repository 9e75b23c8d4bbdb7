"""Why a command could not be run on its target, or why nobody knows how it ended.

The name of the class is `error.type` of the step's `step.failed`, the message its sentence. A
command that ran to an end of its own, however bad, is none of these (`CommandFailed`).
"""

from __future__ import annotations

from core.errors import RepriseError


class TransportError(RepriseError):
    """The target's transport could not run the command."""


class TargetUnusable(TransportError):
    """What the inventory says of the target, or the key for it, is no use to its transport."""


class CommandUnusable(TransportError):
    """The command's words cannot be handed over: too long, a NUL among them, or there is none."""


class LocalRefused(TransportError):
    """This worker cannot isolate a local command from itself, and may not run it otherwise."""


class HostBusy(TransportError):
    """The target's host had no room for one more command for as long as one may wait."""


class HostUnreachable(TransportError):
    """There is no connection to be had to the target's host."""


class HostKeyUnknown(TransportError):
    """Nobody has said yet which host key the target's host has."""


class HostKeyWrong(TransportError):
    """The target's host has another host key than the known one: it may be somebody else."""


class KeyRefused(TransportError):
    """The target's host lets nobody in with the keys that there are."""


class HostHung(TransportError):
    """The target's host took the connection, and then said nothing more."""


class HostLost(TransportError):
    """The connection ended in mid-command: what the command had done by then is not known."""
