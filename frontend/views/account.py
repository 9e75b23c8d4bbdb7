"""`/account`: one's own API tokens, and where one is signed in. Complete without JavaScript."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core import clock
from core.errors import InvalidParams, NotFound
from core.sessions import hash_session_key
from frontend.agent_words import agent_words
from frontend.templatetags.reprise import kinds_for
from frontend.views.frame import page
from jobs.access import sessions, tokens
from jobs.access.visibility import Principal
from jobs.models import ALL_SCOPES, ApiToken, UserSession

SCOPE_WORDS = {
    "read": "See jobs and their logs",
    "submit": "Start jobs",
    "steer": "Pause, resume, stop and approve jobs",
    "admin": "Manage tokens, credentials and, for staff, schedules",
}
NEVER = "never"
DAYS = (7, 30, 90, 365)
MAX_ENDED = 50  # of tokens that have ended, so many are shown


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(
        max_length=tokens.MAX_NAME_CHARACTERS, error_messages={"required": "Enter a name."}
    )
    scopes = forms.MultipleChoiceField(
        choices=list(SCOPE_WORDS.items()),
        initial=["read"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    kind = forms.ChoiceField(required=False)
    team = forms.ChoiceField(required=False)
    days = forms.ChoiceField()

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.user = user
        kinds = [(kind.name, kind.title) for kind in kinds_for(user)]
        teams = [(team.slug, team.name) for team in tokens.teams_of(user)]
        self._choose("kind", [("", "Every kind"), *kinds])
        self._choose("team", [("", "Every team"), *teams])
        self._choose("days", _day_choices())
        self.fields["days"].initial = f"{tokens.default_days():g}"

    def make(self) -> tuple[ApiToken, str] | None:
        """Make the token; None, with errors at the fields, if that is refused."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        endless = given["days"] == NEVER
        lasts = timedelta(0 if endless else float(given["days"]))
        try:
            return tokens.make_token(
                self.user,
                given["name"],
                expires_at=None if endless else clock.now() + lasts,
                endless=endless,
                scope_names=given["scopes"],
                kind=given["kind"],
                team=given["team"],
            )
        except InvalidParams as error:
            for one in error.errors:
                self.add_error(
                    one["pointer"].strip("/").replace("expires_at", "days"), one["detail"]
                )
        return None

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices


@require_http_methods(["GET", "HEAD", "POST"])
@page
def account(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show one's tokens and sessions; by POST make a token, whose text is in that answer alone."""
    user = principal.user
    if request.method != "POST":
        return _render(request, user, TokenForm(user))
    form = TokenForm(user, request.POST)
    made = form.make()
    if made is None:
        return _render(request, user, form)
    token, raw = made
    return _render(request, user, TokenForm(user), made=token, raw=raw)


@require_POST
@page
def revoke(request: HttpRequest, principal: Principal, token_id: int) -> HttpResponse:
    """Revoke one of one's tokens."""
    mine = ApiToken.objects.filter(user=principal.user, pk=token_id)
    if not mine.exists():
        raise NotFound
    tokens.revoke_tokens(mine)
    return redirect("/account?done=revoked")


@require_POST
@page
def end_session(request: HttpRequest, principal: Principal, short_id: str) -> HttpResponse:
    """End one of one's sessions."""
    mine = sessions.sessions_of(principal.user)
    sessions.end_sessions(principal.user, [one for one in mine if one.short_id == short_id])
    return redirect("/account?done=ended#sessions")


@require_POST
@page
def end_others(request: HttpRequest, principal: Principal) -> HttpResponse:
    """End all of one's sessions but this one."""
    here = _stored_key(request)
    others = [one for one in sessions.sessions_of(principal.user) if one.pk != here]
    sessions.end_sessions(principal.user, others)
    return redirect("/account?done=everywhere#sessions")


def _render(request: HttpRequest, user: User, form: TokenForm, **made: Any) -> HttpResponse:
    own = ApiToken.objects.select_related("team").filter(user=user).order_by("-pk")
    shown = [describe_token(one) for one in own]
    ended = [one for one in shown if one["ended"]]
    context = {
        "form": form,
        "tokens": [one for one in shown if not one["ended"]],
        "ended": ended[:MAX_ENDED],
        "sessions": _shown_sessions(request, user),
        "done": request.GET.get("done", ""),
        "idle_days": settings.REPRISE.session_idle_hours / 24,
        "max_days": settings.REPRISE.session_max_hours / 24,
        **made,
    }
    return render(request, "frontend/account.html", context)


def describe_token(token: ApiToken) -> dict[str, Any]:
    """Return a token as pages show it: what it is for, when it ends."""
    left = (token.expires_at - clock.now()) / timedelta(days=1) if token.expires_at else None
    ended = "revoked" if token.revoked_at else "expired" if left is not None and left <= 0 else ""
    limits = [f"kind {token.kind}"] if token.kind else []
    limits += [f"team {token.team.name}"] if token.team else []
    every = token.scopes.split() == list(ALL_SCOPES)
    return {
        "token": token,
        "scopes": "everything you may" if every else ", ".join(token.scopes.split()),
        "limits": ", ".join(limits),
        "ended": ended,
        "ends": _days_words(left),
    }


def _days_words(left: float | None) -> str:
    if left is None:
        return "never"
    if left < 1:
        return "within a day"
    days = round(left)
    return f"in {days} day{'s' if days > 1 else ''}"


def _shown_sessions(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Return the sessions as they are shown, this one first."""
    here = _stored_key(request)
    found = sorted(sessions.sessions_of(user), key=lambda one: one.pk != here)
    return [describe_session(one, here) for one in found]


def describe_session(one: UserSession, here: str = "") -> dict[str, Any]:
    """Return a session as pages show it; `here` is what the reader's own is stored under."""
    return {"session": one, "device": agent_words(one.agent), "here": one.pk == here}


def _stored_key(request: HttpRequest) -> str:
    return hash_session_key(request.session.session_key or "")


def _day_choices() -> list[tuple[str, str]]:
    days = {one for one in DAYS if one <= tokens.longest_days()} | {tokens.default_days()}
    choices = [(f"{one:g}", f"{one:g} days") for one in sorted(days)]
    return [*choices, (NEVER, "Never")] if tokens.may_be_endless() else choices
