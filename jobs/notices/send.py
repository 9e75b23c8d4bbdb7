"""The sweeper's duties that send what is due: mail in one thread, everything else in another."""

from __future__ import annotations

import logging
from typing import Protocol

from django.db import Error

from core.user_code import describe_error
from jobs.notices import outbox
from jobs.notices.addresses import Courier
from jobs.notices.mail import MailRoom, NotSent
from jobs.notices.message import Message, compose_message
from jobs.notices.outbox import Claimed

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200


class Channel(Protocol):
    """A way to send: NotSent says that surely nothing arrived, any other error leaves that open."""

    def send(self, claimed: Claimed, message: Message) -> None:
        """Send a message."""


def send_mail() -> None:
    """Send the mail that is due."""
    with MailRoom() as room:
        _send_due(room, mail=True)


def send_elsewhere() -> None:
    """Send what is due by other channels than mail."""
    with Courier() as courier:
        _send_due(courier, mail=False)


def _send_due(channel: Channel, *, mail: bool) -> None:
    for _ in range(MOST_AT_ONCE):
        claimed = outbox.claim_message(mail=mail)
        if claimed is None:
            return
        _send_claimed(channel, claimed)


def _send_claimed(channel: Channel, claimed: Claimed) -> None:
    try:
        if message := compose_message(claimed):
            channel.send(claimed, message)
    except NotSent as error:
        outbox.mark_failed(claimed, error.message, surely=True)
    except Error:
        raise  # the database's: the claim runs out by itself
    except Exception as error:  # noqa: BLE001 - one subscriber's trouble is not the others'
        where = {"action": "notices"}
        logger.warning("message %s: %s", claimed.digest.pk, describe_error(error), extra=where)
        outbox.mark_failed(claimed, describe_error(error), surely=False)
    else:
        outbox.mark_sent(claimed)
