"""Attempts to sign in: those who guess have to wait, and nobody else.

Counted are the attempts with a name from an address, and those from an address with any name, in
rows of SignInAttempts that all web processes share. Past the free ones each has to wait, ten
seconds at first and twice as long each time, up to REPRISE_SIGN_IN_WAIT_SECONDS. Counts drain: an
hour later the free ones are free again. An attempt counts before its password is looked at, so that
many at once are no way round; the right password takes it back.

A browser in which somebody has signed in before is counted by itself. So no stranger can keep
anybody out who comes from where they usually come, whatever name or address is guessed with.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.crypto import salted_hmac

from core import clock
from core.errors import OverLimit
from jobs.models import SignInAttempts
from jobs.system_log.sign_ins import record_failed_sign_in

logger = logging.getLogger(__name__)

DRAIN = timedelta(hours=1)
FORGET = timedelta(days=1)
FIRST_SECONDS = 10.0
PASSWORD, CODE = "password", "code"  # what is checked
MOST_OVER = 16  # attempts past the free ones that are counted


class PasswordNotChecked(ValidationError):
    """A backend could not check a password: the attempt says nothing, and does not count."""


@dataclass(frozen=True, slots=True)
class _Count:
    key: str
    free: int
    shared: bool = False  # by several people

    @transaction.atomic
    def take_back(self) -> None:
        """Count one attempt less."""
        for row in SignInAttempts.objects.select_for_update().filter(pk=self.key):
            row.attempts, row.free_at = max(row.attempts - 1, 0), clock.now()
            row.save()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that may be made now, and counts as failed until it is said otherwise."""

    name: str
    address: str
    _counts: tuple[_Count, ...]
    proof: str = PASSWORD

    def succeeded(self) -> None:
        """Say that the password was right."""
        logger.info("%s signed in from %s", self.name, self.address,
                    extra={"action": "signed_in"})  # fmt: skip
        for count in self._counts:
            if count.shared:
                count.take_back()
            else:
                SignInAttempts.objects.filter(pk=count.key).delete()

    def was_not_checked(self) -> None:
        """Say that nothing has found out whether it was right."""
        for count in self._counts:
            count.take_back()

    def failed(self) -> None:
        """Say that it was not."""
        who = _shown_name(self.name)
        extra = {"action": "sign_in_failed"}
        logger.warning("somebody could not sign in as %s from %s", who, self.address, extra=extra)
        record_failed_sign_in(who, self.address, self._wait(), self.proof)

    def _wait(self) -> float:
        """Return for how many seconds the next attempt has to wait now."""
        rows = SignInAttempts.objects.filter(pk__in=[count.key for count in self._counts])
        free_at = rows.aggregate(Max("free_at"))["free_at__max"]
        return max((free_at - clock.now()).total_seconds(), 0) if free_at else 0


def begin_attempt(name: str, address: str, browser: str = "") -> Attempt:
    """Return the attempt to sign in as `name`, which may be nobody's, from an IP address.

    `browser` is the id of one in which this name has signed in before. Raises OverLimit, saying
    for how long, where it has to wait.
    """
    return _begin(name, address, _limits_for(name, address, browser), PASSWORD)


def begin_code(user: User, address: str) -> Attempt:
    """Return the attempt to enter a code of a second factor; it waits as one with a password does.

    Counted for the user, wherever it comes from: who gets here knows the password, so that no
    stranger can keep anybody out.
    """
    key = _count_key("code", str(user.pk))
    counts = (_Count(key, settings.REPRISE.sign_in_attempts),)
    return _begin(user.get_username(), address, tuple(c for c in counts if c.free), CODE)


def _begin(name: str, address: str, counts: tuple[_Count, ...], proof: str) -> Attempt:
    try:
        with transaction.atomic():
            for count in counts:
                _take_token(count, clock.now(), proof)
    except OverLimit as error:
        logger.warning(
            "an attempt to sign in as %s from %s has to wait %d s",
            _shown_name(name), address, error.retry_after_s, extra={"action": "sign_in_refused"},
        )  # fmt: skip
        raise
    return Attempt(name, address, counts, proof)


def forget_drained() -> int:
    """Delete the counts that have drained; return how many."""
    count, _ = SignInAttempts.objects.filter(last_at__lt=clock.now() - FORGET).delete()
    return count


def _limits_for(name: str, address: str, browser: str) -> tuple[_Count, ...]:
    config = settings.REPRISE
    network = _network_of(address)
    if browser:
        found = [_Count(_count_key("browser", browser), config.sign_in_attempts)]
    else:
        found = [
            _Count(_count_key("name", name, network), config.sign_in_attempts),
            _Count(
                _count_key("address", network), config.sign_in_attempts_per_address, shared=True
            ),
        ]
    return tuple(count for count in found if count.free)


def _take_token(count: _Count, now: datetime, proof: str) -> None:
    kept = SignInAttempts.objects.select_for_update()
    row, _ = kept.get_or_create(pk=count.key, defaults={"last_at": now, "free_at": now})
    if (wait := (row.free_at - now).total_seconds()) > 0:
        raise too_many(wait, proof)
    drained = (now - row.last_at) / DRAIN * count.free
    attempts = max(row.attempts - drained, 0) + 1
    over = round(attempts) - count.free
    longest = settings.REPRISE.sign_in_wait_seconds
    wait = min(FIRST_SECONDS * 2**over, longest) if over >= 0 else 0
    row.attempts = min(attempts, count.free + MOST_OVER)
    row.last_at, row.free_at = now, now + timedelta(seconds=wait)
    row.save()


def too_many(wait: float, proof: str = PASSWORD) -> OverLimit:
    """Return the refusal of an attempt that has to wait for so many seconds."""
    seconds = math.ceil(wait)
    number, unit = (seconds, "second") if seconds < 100 else (-(-seconds // 60), "minute")
    plural = "s" if number > 1 else ""
    return OverLimit(
        f"Too many attempts. The {proof} was not checked. Try again in {number} {unit}{plural}.",
        retry_after_s=seconds,
    )


def _network_of(address: str) -> str:
    """Return what one client has of addresses: an IPv4 one, or 2 ** 64 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


def _count_key(*parts: str) -> str:
    # What is typed into the field for the name is now and then a password.
    return salted_hmac("jobs.sign_in", "\0".join(parts), algorithm="sha256").hexdigest()


def _shown_name(name: str) -> str:
    known = User.objects.filter(username=name).exists()
    return name if known else "nobody here"
