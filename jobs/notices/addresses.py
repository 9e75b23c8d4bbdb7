"""Addresses of services, as Apprise writes them: `slack://…`, `ntfy://…`, `json://…`.

They hold secrets: encrypted where they are kept, opened to be sent to, and never shown again. All
that reads one is the courier, a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from threading import BoundedSemaphore
from types import TracebackType
from typing import IO, Any, NoReturn, Self, cast

from django.conf import settings

from core.errors import InvalidParams, RepriseError
from jobs.models import Subscription
from jobs.notices.mail import NotSent
from jobs.notices.message import Message
from jobs.notices.outbox import MAIL, Claimed
from jobs.secrets import keys, store
from jobs.secrets.vault import open_secret

ANSWER_SECONDS = 45.0
LONGEST_ADDRESS = 2000
AT_ONCE = 2
# A check takes a core a second or two, and a web process has streams to serve beside.
_slots = BoundedSemaphore(AT_ONCE)
_SCHEME = re.compile(r"[a-z][a-z0-9]*://", re.IGNORECASE)
# What requests goes by; everything else of the environment is the service's own.
ENVIRONMENT = (
    "PATH", "LANG", "LC_ALL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
    "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PYTHONPATH",
)  # fmt: skip


class CourierLost(RepriseError):
    """The courier has not answered: whether the message arrived is not known."""

    code = "notice_courier_lost"


class Courier:
    """The courier's process: begun when it is first needed, ended when it is silent for long."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._end()

    def send(self, claimed: Claimed, message: Message) -> None:
        """Send a message. Raises NotSent where it was surely not; CourierLost and others if not."""
        one = claimed.subscription
        if one.channel not in settings.REPRISE.notice_channels:
            raise NotSent(f"The channel {one.channel} is not among REPRISE_NOTICE_CHANNELS.")
        answer = self.ask(
            address=open_secret(one), id=str(claimed.digest.pk), title=message.subject,
            paragraphs=list(message.paragraphs), end=message.end,
        )  # fmt: skip
        if not answer["ok"]:
            raise CourierLost(answer["why"])

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Return the courier's answer. Raises CourierLost."""
        process = self._process or self._begin()
        to, back = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            to.write(json.dumps(asked) + "\n")
            to.flush()
            line = _read_line(back)
        except OSError:
            line = ""
        if not line:
            self._end()
            raise CourierLost(f"No answer within {ANSWER_SECONDS:g} s.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _begin(self) -> subprocess.Popen[str]:
        networks = [str(one) for one in settings.REPRISE.notice_networks]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobs.notices.courier", *networks],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=settings.ROOT, start_new_session=True,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        )  # fmt: skip
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def set_address(one: Subscription, address: str) -> None:
    """Put an address, encrypted, into a subscription, which is to be saved; "" stands for mail.

    Raises InvalidParams for one that cannot be used, and for a channel that is switched off.
    """
    channel = check_address(address) if address else MAIL
    known = settings.REPRISE.notice_channels
    if channel not in known:
        _refuse(f"Notices do not go by {channel} here. Use one of: {', '.join(known)}.")
    one.channel, one.key_id, one.ciphertext = channel, "", b""
    if address:
        store.seal_value(one, address, keys.newest_key())


def check_address(address: str) -> str:
    """Return the channel of an address. Raises InvalidParams; nothing is sent."""
    if len(address) > LONGEST_ADDRESS or not address.isprintable():
        _refuse(f"An address is one line of up to {LONGEST_ADDRESS:,} visible characters.")
    if not _SCHEME.match(address):
        _refuse("An address begins with its service: slack://, ntfy://, json:// …")
    if not _slots.acquire(blocking=False):
        _refuse("Other addresses are being checked: try again in a moment.")
    try:
        with Courier() as courier:
            answer = courier.ask(address=address)
    except CourierLost as error:
        _refuse(f"The address could not be checked: {error.message}")
    finally:
        _slots.release()
    if not answer["ok"]:
        _refuse(answer["why"])
    return str(answer["channel"])


def _read_line(stream: IO[str]) -> str:
    """Return the next line; "" where none comes in time or ever."""
    ready, _, _ = select.select([stream], [], [], ANSWER_SECONDS)
    return stream.readline() if ready else ""


def _refuse(detail: str) -> NoReturn:
    raise InvalidParams([{"pointer": "/address", "detail": detail}])
