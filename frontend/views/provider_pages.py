"""Single sign-on's own pages: to the provider, back from it, and what went wrong."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from jobs.access.sso import logout
from jobs.access.sso.flow import Adapter
from jobs.access.sso.provider import BadToken, ProviderUnavailable, SignInRefused

logger = logging.getLogger(__name__)

# What a browser says of a request that a page of ours, or nobody's page, has led to.
OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A sign-in that came to nothing: the status, what happened, and what to do now."""

    status: int
    heading: str
    said: str


FAILURES = {
    "cancelled": Failure(
        403, "You did not sign in", "The sign-in was cancelled at the provider. Try again."
    ),
    "refused": Failure(
        403,
        "The provider did not let you in",
        "It gave no reason that can be shown here. Try again; if that does not help, ask those who"
        " run your single sign-on.",
    ),
    "unreachable": Failure(
        503,
        "The provider cannot be reached",
        "Nobody can sign in with it now. Try again in a minute. Those who run this service find the"
        " reason in the log of the web process.",
    ),
    "bad-answer": Failure(
        502,
        "The provider's answer cannot be used",
        "You were not signed in. Those who run this service find the reason in the log of the web"
        " process.",
    ),
    "lost": Failure(
        400,
        "This sign-in is no longer known",
        "It took longer than ten minutes, was used already, or began in another browser. Sign in"
        " again.",
    ),
    "no-group": Failure(
        403,
        "You have no access to this service",
        "The provider knows you, but none of your groups gives you a role here. Ask your"
        " administrator, or those who manage your groups, and sign in again.",
    ),
    "disabled": Failure(403, "This account is disabled", "Ask your administrator."),
    "again": Failure(409, "Sign in again", "Two sign-ins met. Nothing is wrong: sign in again."),
}


@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """`/sign-in/provider`: lead to the provider; `next` is kept, and followed if it is ours.

    From another site's link it leads to the sign-in page: a session begins with a click of ours.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
        _require_provider()
        return redirect_to_login(request.GET.get("next", "/"))
    return _run_flow(OAuth2LoginView, request)


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """`/sign-in/provider/callback`: where the provider leads back to, with a code or an error."""
    return _run_flow(OAuth2CallbackView, request)


@csrf_exempt
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """`/sign-in/provider/sign-out`: the provider says that somebody has signed out there."""
    _require_provider()
    try:
        logout.end_named_sessions(request.POST.get("logout_token", ""))
    except ProviderUnavailable as error:
        logger.warning("a logout token was refused: %s", error, extra={"action": "single_sign_on"})
        return HttpResponse(status=400, headers={"Cache-Control": "no-store"})
    return HttpResponse(headers={"Cache-Control": "no-store"})


def show_error(request: HttpRequest, *, cancelled: bool, cause: Exception | None) -> HttpResponse:
    """Answer a sign-in that failed in allauth's flow: `cause` is what was raised, if anything."""
    match cause:
        case SignInRefused():
            name = "lost"  # the code was used already, or is too old
        case BadToken():
            name = "bad-answer"
        case ProviderUnavailable():
            name = "unreachable"
        case None if cancelled:
            name = "cancelled"
        case None if request.GET.get("error"):
            name = "refused"
        case None:
            name = "lost"
        case _:
            name = "bad-answer"
    reason = cause or request.GET.get("error", "")[:100]
    logger.warning("single sign-on failed (%s): %r", name, str(reason),
                   extra={"action": "single_sign_on"})  # fmt: skip
    return show_failure(request, name)


def show_failure(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with one of the pages that say what happened and what to do."""
    failure = FAILURES[name]
    context = {"failure": failure, "provider": settings.REPRISE.oidc_name}
    return render(request, "frontend/provider_failure.html", context, status=failure.status)


def _run_flow(view: type, request: HttpRequest) -> HttpResponse:
    _require_provider()
    adapter = Adapter(request, settings.REPRISE.oidc_issuer)
    try:
        response: HttpResponse = view.adapter_view(adapter)(request)  # type: ignore[attr-defined]
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except (ProviderUnavailable, SignInRefused) as error:
        return show_error(request, cancelled=False, cause=error)
    except (
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # an answer of another form than allauth reads
        logger.warning("single sign-on failed", exc_info=error, extra={"action": "single_sign_on"})
        return show_failure(request, "bad-answer")
    return response


def _require_provider() -> None:
    if not settings.REPRISE.oidc_issuer:
        raise Http404
