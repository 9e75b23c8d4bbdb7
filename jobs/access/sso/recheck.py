"""Asks the provider again about everybody who has a session by single sign-on.

A pass of the sweeper takes those whose time has come, and moves their time on before it asks, so
that several sweepers ask once. A few questions at a time are asked at once, each bounded in time;
what is answered is applied one by one.

Refused, or without any group of REPRISE_OIDC_GROUPS, a session ends. While the provider cannot be
asked, everything stays as it was for REPRISE_OIDC_GRACE_SECONDS; then the session ends as well.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction

from core import clock
from jobs.access.sso import provider, rights, sessions
from jobs.access.sso.provider import Grant, ProviderUnavailable, SignInRefused
from jobs.models import ProviderSession
from jobs.secrets.keys import KeysUnusable, SecretUnreadable

logger = logging.getLogger(__name__)

AT_ONCE = 16
IN_A_PASS = 128
# Longer than all calls for one row take: until then no other sweeper asks about it.
ASKING_SECONDS = 60.0

NO_GROUP = "None of their groups at the provider may use this service any longer."
NOT_ASKED = "The provider could not be asked for too long."
OTHER_ISSUER = "Single sign-on is set to another provider, or off."
NO_RENEWAL = "The provider gave nothing to renew the sign-in with (REPRISE_OIDC_SCOPES)."


class Question(NamedTuple):
    """What is asked with; no database is touched while it is."""

    refresh_token: str
    subject: str


Answer = Grant | SignInRefused | ProviderUnavailable


def check_due() -> int:
    """Ask about those whose time has come; return how many."""
    sessions.end_sessions(_of_other_issuers(), OTHER_ISSUER)
    if not settings.REPRISE.oidc_issuer:
        return 0
    rows = _claim_due()
    questions = [_question_of(row) for row in rows]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for row, answer in zip(rows, threads.map(_ask, questions), strict=True):
            _apply_answer(row, answer)
    return len(rows)


def withdraw_unconfirmed() -> int:
    """Withdraw what groups gave to people whom the provider has not confirmed for long.

    Their API tokens would go on for ever otherwise. Return from how many.
    """
    limit = clock.now() - timedelta(days=settings.REPRISE.oidc_roles_days)
    stale = SocialAccount.objects.filter(
        provider=settings.REPRISE.oidc_issuer, last_login__lt=limit
    ).select_related("user")
    for account in stale:
        rights.apply_rights(account.user, rights.Rights())
    return len(stale)


def _of_other_issuers() -> list[ProviderSession]:
    issuer = settings.REPRISE.oidc_issuer
    rows = ProviderSession.objects.exclude(account__provider=issuer)
    return list(rows.select_related("account__user"))


def _claim_due() -> list[ProviderSession]:
    now = clock.now()
    with transaction.atomic():
        due = sessions.live_rows().filter(check_at__lte=now).order_by("check_at")
        locked = due.select_for_update(skip_locked=True, of=("self",))
        rows = list(locked.select_related("account__user")[:IN_A_PASS])
        until = now + timedelta(seconds=ASKING_SECONDS)
        ProviderSession.objects.filter(pk__in=[row.pk for row in rows]).update(check_at=until)
    return rows


def _question_of(row: ProviderSession) -> Question | SignInRefused:
    try:
        refresh_token = sessions.open_tokens(row)["refresh"]
    except (SecretUnreadable, KeysUnusable) as error:
        return SignInRefused(error.message)
    return Question(refresh_token, row.account.uid)


def _ask(question: Question | SignInRefused) -> Answer:
    if isinstance(question, SignInRefused):
        return question
    if not question.refresh_token:
        return ProviderUnavailable(NO_RENEWAL)
    try:
        return provider.renew(question.refresh_token, question.subject)
    except (SignInRefused, ProviderUnavailable) as error:
        return error


def _apply_answer(row: ProviderSession, answer: Answer) -> None:
    user = row.account.user
    if isinstance(answer, Grant):
        wanted = rights.rights_from(answer.claims)
        _keep_grant(row, answer)  # by itself: the token before it may no longer be good
        with transaction.atomic():
            rights.apply_rights(user, wanted)
            if not wanted:  # of all their sessions, so that streams hear one reason
                theirs = ProviderSession.objects.filter(account=row.account_id)
                sessions.end_sessions(theirs.select_related("account__user"), NO_GROUP)
        return
    if isinstance(answer, SignInRefused):
        sessions.end_sessions([row], str(answer))
        return
    logger.warning("the provider could not be asked about %s: %s", user.get_username(), answer,
                   extra={"action": "single_sign_on"})  # fmt: skip
    grace = timedelta(seconds=settings.REPRISE.oidc_grace_seconds)
    if clock.now() - row.confirmed_at > grace:
        sessions.end_sessions(
            [row], f"{NOT_ASKED} {answer}" if str(answer) == NO_RENEWAL else NOT_ASKED
        )
    else:
        ProviderSession.objects.filter(pk=row.pk).update(check_at=_next_check())


def _keep_grant(row: ProviderSession, grant: Grant) -> None:
    """Store the tokens for the next time; a provider may have replaced them."""
    tokens = sessions.open_tokens(row)
    sessions.seal_tokens(
        row, Grant(grant.claims, grant.id_token or tokens["id"], grant.refresh_token)
    )
    row.confirmed_at, row.check_at = clock.now(), _next_check()
    # Not `save`: a session that was ended meanwhile must not come back.
    ProviderSession.objects.filter(pk=row.pk).update(
        key_id=row.key_id, tokens=row.tokens, confirmed_at=row.confirmed_at, check_at=row.check_at
    )
    SocialAccount.objects.filter(pk=row.account_id).update(last_login=clock.now())


def _next_check() -> datetime:
    return clock.now() + timedelta(seconds=settings.REPRISE.oidc_check_seconds)
