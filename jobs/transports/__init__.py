"""Transports: how a command gets to a target. In a step: `await command(target, argv, step)`."""

from jobs.transports.run_command import CommandFailed, command

__all__ = ["CommandFailed", "command"]
