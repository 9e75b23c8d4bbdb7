"""The line that sshd is asked to run: a small shell that keeps the command, and the command.

sshd does not end a command whose connection is cut. So the shell hears from its worker every few
seconds, a byte on its standard input, and ends the command's whole process group as soon as there
is none for `silence` seconds, or the input ends: when the run is cancelled (the worker closes it),
when the connection is cut or sshd killed, when the worker is killed, when it is stopped or loses
the network. It needs a POSIX shell, setsid (util-linux), timeout, head and env (coreutils), or
BusyBox.

What a caller puts into the command's environment comes over standard input, too, before the first
of these bytes: every user of a machine can read command lines, and it may be secret.
"""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.transports.arguments import DENIED, NO_COMMAND, NO_FOLDER, NOT_FOUND, NOT_RUNNABLE
from jobs.transports.base import TERM_SECONDS
from jobs.transports.errors import CommandUnusable
from jobs.transports.output_copies import DRAIN_SECONDS

# The kernel takes no longer argument, and all of the line is one to the login shell.
LONGEST = 120 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A shell heeds these itself, lets nobody set them, or is the keeper, which has them for its own.
SHELLS_OWN = frozenset(
    {
        "PATH", "IFS", "BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID",
        "reprise_given", "reprise_pair", "reprise_value",
    }
)  # fmt: skip
_LOOKS = round(TERM_SECONDS * 10)

# How long what the command leaves in its group may go on writing.
_LINGER_LOOKS = round(DRAIN_SECONDS * 10)

# Ends the keeper with a status and words.
_SAY = r'say() { printf "%s\n" "$2" >&2; exit "$1"; }; '

_ENTER = (
    'if [ "$folder" ]; then '
    "case $folder in /*) place=$folder;; *) place=./$folder;; esac; "
    f'[ -d "$place" ] || say {NOT_RUNNABLE} "$folder: {NO_FOLDER}"; '
    f'cd "$place" 2>/dev/null || say {NOT_RUNNABLE} "$folder: {DENIED}"; fi; '
)

# As execvp(3) looks for it, with the command's own PATH where it is given one.
_FIND = (
    '( [ -z "$path" ] || PATH=$path; found=; case $word in */*) found=$word;; '
    "?*) set -f; IFS=:; for place in $PATH; do place=${place:-.}/$word; "
    '[ -f "$place" ] || continue; found=$place; [ ! -x "$found" ] || break; done;; esac; '
    f'[ -e "$found" ] || say {NOT_FOUND} "$word: {NO_COMMAND}"; '
    f'[ -f "$found" ] && [ -x "$found" ] || say {NOT_RUNNABLE} "$word: {DENIED}" ) || exit; '
)

# Takes the words that `_encode_variables` has made from standard input; it needs all of them.
_TAKE = (
    'reprise_given=; [ "$size" = 0 ] || '
    'reprise_given=$(timeout "$silence" head -c "$size" <&3); '
    f'[ "${{#reprise_given}}" = "$size" ] || exit {NOT_RUNNABLE}; '
)
# Makes them variables, in the process that becomes the command: they are not for the keeper.
_EXPORT = (
    "set -f; for reprise_pair in $reprise_given; do "
    "reprise_value=$(printf '%b.' \"${reprise_pair#*=}\"); "
    'export "${reprise_pair%%=*}=${reprise_value%.}"; done; '
)

# $1: seconds of silence, $2: folder or "", $3: PATH or "", $4: the command's first word, $5: how
# many bytes of variables come over standard input, then NAME=VALUE …, then the command.
# In the background a shell gives its children /dev/null as standard input, hence descriptor 3. The
# group is there only once setsid has run, hence the second kill. No newlines: not every login shell
# passes them on.
_KEEPER = (
    "silence=$1; folder=$2; path=$3; word=$4; size=$5; shift 5; exec 3<&0; "
    f"{_SAY}{_TAKE}{_ENTER}{_FIND}"
    f'( {_EXPORT}exec setsid env -- "$@" ) 3<&- </dev/null & job=$!; '
    '( trap "" HUP INT TERM; exec >/dev/null 2>&1; '
    'while [ "$(timeout "$silence" head -c 1 <&3)" ]; do :; done; '
    'kill -s TERM -- "-$job" || kill -s TERM "$job"; n=0; '
    f'while [ "$n" -lt {_LOOKS} ] && kill -s 0 -- "-$job"; do sleep 0.1; n=$((n+1)); done; '
    'kill -s KILL -- "-$job" || kill -s KILL "$job" ) & watch=$!; '
    'wait "$job"; status=$?; exec 2>/dev/null; n=0; '
    f'while [ "$n" -lt {_LINGER_LOOKS} ] && kill -s 0 -- "-$job"; '
    "do sleep 0.1; n=$((n+1)); done; "
    'kill -s KILL -- "-$job"; kill -s KILL "$watch"; exit "$status"'
)
# `env` takes a word with = for a variable; a shell's `exec` of its arguments does not.
_AS_IT_IS = ("/bin/sh", "-c", 'exec "$0" "$@"')


@dataclass(frozen=True, slots=True)
class Request:
    """The line to ask sshd for, and what to write to the session first."""

    line: bytes
    given: bytes


def make_request(
    argv: Sequence[str],
    env: Mapping[str, str],
    private: Mapping[str, str],
    cwd: str | None,
    silence: float,
) -> Request:
    """Return how to run a command; CommandUnusable if the line is too long for a host to take.

    Every user of the host can list the line, with `env`, and nobody `private`, which wins; but for
    a few names that no shell can export as they are.
    """
    hidden = {name: value for name, value in private.items() if _is_exportable(name)}
    shown = {name: value for name, value in {**env, **private}.items() if name not in hidden}
    given = _encode_variables(hidden)
    pairs = [f"{name}={value}" for name, value in shown.items()]
    path = private.get("PATH", env.get("PATH", ""))
    own = [str(math.ceil(silence)), cwd or "", path, argv[0], str(len(given))]
    words = [*own, *pairs, *_for_env(argv)]
    made = f"exec /bin/sh -c {shlex.quote(_KEEPER)} reprise {shlex.join(words)}"
    if len(raw := os.fsencode(made)) > LONGEST:
        raise CommandUnusable(
            f"The command line is longer than {LONGEST // 1024} KiB, which is all that ssh takes."
        )
    return Request(raw, given)


def _is_exportable(name: str) -> bool:
    """Return whether a shell can export a variable, without heeding it itself."""
    return _NAME.fullmatch(name) is not None and name not in SHELLS_OWN


def _encode_variables(variables: Mapping[str, str]) -> bytes:
    """Return words NAME=VALUE, where all but letters and digits is an escape of `printf %b`."""
    pairs = ((name, os.fsencode(value)) for name, value in variables.items())
    words = (name.encode() + b"=" + b"".join(map(_escape_byte, raw)) for name, raw in pairs)
    return b" ".join(words)


def _escape_byte(byte: int) -> bytes:
    one = bytes([byte])
    return one if one.isalnum() else b"\\0%03o" % byte


def _for_env(argv: Sequence[str]) -> Sequence[str]:
    word = argv[0]
    if "=" not in word:
        return argv
    return [*_AS_IT_IS, f"./{word}" if word.startswith("-") else word, *argv[1:]]
