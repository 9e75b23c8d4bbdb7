"""What every page needs: somebody signed in, and errors of the domain as pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from allauth.account.internal.flows import reauthentication
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import auth
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from core.errors import Forbidden, NotFound, RepriseError, SecondFactorRequired
from jobs.access import second_factor, session_rules, visibility
from jobs.access.visibility import Principal

P = ParamSpec("P")


def page(
    view: Callable[Concatenate[HttpRequest, Principal, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Give `view` the signed-in principal; anybody else is led to sign in and back.

    `NotFound` and `Forbidden` become the 404 and 403 pages.
    """

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return redirect_to_login(request.get_full_path())
        if refused := session_rules.find_refusal(request.session, user):
            return refuse_session(request, refused)
        try:
            return view(request, visibility.of_user(user), *args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from error
        except Forbidden as error:
            raise PermissionDenied(error.message) from error

    return shown


def refuse_session(request: HttpRequest, error: RepriseError) -> HttpResponse:
    """Lead somebody whose session does not let them in to where they can change that."""
    if isinstance(error, SecondFactorRequired):
        return HttpResponseRedirect(second_factor.PAGE)
    auth.logout(request)
    return redirect_to_login(request.get_full_path())


def whole_session(
    view: Callable[..., HttpResponseBase], *, but: type[RepriseError] | None = None
) -> Callable[..., HttpResponseBase]:
    """Let a view of Django's be used by those alone whom their session lets in.

    `but` is a refusal that does not count there: where one sets up what it asks for.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if isinstance(user, User):
            refused = session_rules.find_refusal(request.session, user)
            if refused is not None and not (but and isinstance(refused, but)):
                return refuse_session(request, refused)
        return view(request, *args, **kwargs)

    return guarded


def confirmed(
    view: Callable[Concatenate[HttpRequest, Principal, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Have people confirm that it is they, with a factor or their password, before a view.

    What was sent meanwhile is asked for again: a form may have a password in it.
    """

    @wraps(view)
    def shown(
        request: HttpRequest, principal: Principal, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        if reauthentication.is_reauthentication_required(request, app="account"):
            if request.method == "POST":
                return HttpResponseRedirect(request.get_full_path())
            raise ReauthenticationRequired
        return view(request, principal, *args, **kwargs)

    return shown
