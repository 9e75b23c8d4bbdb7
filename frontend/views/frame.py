"""What every page needs: somebody signed in, and errors of the domain as pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from core.errors import Forbidden, NotFound
from jobs.access import visibility
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
        try:
            return view(request, visibility.of_user(user), *args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from error
        except Forbidden as error:
            raise PermissionDenied(error.message) from error

    return shown
