"""Messages by mail, through Django's backends."""

from __future__ import annotations

import smtplib
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from core.config_values import mail_settings
from core.errors import RepriseError
from jobs.notices.audience import mail_addresses
from jobs.notices.message import Message
from jobs.notices.outbox import Claimed

TIMEOUT_SECONDS = 10


class NotSent(RepriseError):
    """A message was surely not taken by anybody."""

    code = "notice_not_sent"


def is_set_up() -> bool:
    """Return whether this installation has a mail server, or a backend of the site's."""
    return bool(settings.REPRISE.mail_url) or not settings.EMAIL_BACKEND.endswith(
        "smtp.EmailBackend"
    )


class MailRoom:
    """One connection to the mail server for all messages of a pass, opened by the first.

    Where that fails, none of the others is tried: a server that is away is asked once a pass.
    """

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None
        self._refusal: NotSent | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._close()

    def send(self, claimed: Claimed, message: Message) -> None:
        """Send a message. Raises NotSent; any other error leaves open whether it arrived."""
        addresses = mail_addresses(claimed.subscription)
        if not addresses:
            raise NotSent("Nobody who would get it has an address of mail at their account.")
        mail = self._as_mail(claimed, message, addresses)
        connection = self._open()
        mail.connection = connection
        try:
            mail.send()
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            raise NotSent(f"The mail server refused it: {error}") from error
        except Exception:
            self._close()  # in an unknown state: the next message gets another connection
            raise

    def _as_mail(self, claimed: Claimed, message: Message, addresses: list[str]) -> EmailMessage:
        sender = settings.REPRISE.mail_from
        host = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        one, id_ = claimed.subscription, claimed.digest.pk
        return EmailMessage(
            subject=message.subject,
            body=message.text,
            from_email=sender,
            to=addresses if one.team_id is None else [],
            bcc=addresses if one.team_id is not None else [],
            headers={
                "Message-ID": f"<{id_}@{host}>",
                "Auto-Submitted": "auto-generated",
                "X-Reprise-Notice": str(id_),
                "X-Reprise-Try": str(claimed.digest.tries),
            },
        )

    def _open(self) -> BaseEmailBackend:
        if self._refusal is not None:
            raise self._refusal
        if self._connection is not None:
            return self._connection
        if not is_set_up():
            raise NotSent("This installation has no mail server: REPRISE_MAIL_URL is not set.")
        connection = get_connection(
            **mail_settings(settings.REPRISE.mail_url), timeout=TIMEOUT_SECONDS
        )
        try:
            connection.open()
        except (OSError, smtplib.SMTPException) as error:
            self._refusal = NotSent(f"The mail server cannot be reached: {error}")
            raise self._refusal from error
        self._connection = connection
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
