"""`/account/notices`: what one and one's teams hear of. Complete without JavaScript."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from frontend.views.editing import attempt, confirm, edit
from frontend.views.frame import page
from frontend.views.listing import RowPage
from frontend.views.notice_form import SubscriptionForm
from jobs.access.visibility import Principal
from jobs.notices import subscriptions

LIST = "/account/notices"
FORM_METHODS = ["GET", "HEAD", "POST"]


@require_safe
@page
def notices(request: HttpRequest, principal: Principal) -> HttpResponse:
    """List one's subscriptions and those of one's teams, with what waits and what fails."""
    waiting = Count("notices", filter=Q(notices__digest=None))
    rows = subscriptions.visible_subscriptions(principal).annotate(waiting_count=waiting)
    context = {"page": RowPage(list(rows), None, None)}
    return render(request, "frontend/notices/list.html", context)


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("address")
@page
def add_subscription(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Subscribe oneself or a team."""
    form = SubscriptionForm(principal, request.POST or None)

    def save(valid: SubscriptionForm) -> None:
        subscriptions.make_subscription(principal, valid.wish(), valid.cleaned_data["team"])

    return edit(
        request, form, save, to=LIST, done="The subscription was added.", crumb="Notices",
        title="Add a subscription", button="Add subscription",
    )  # fmt: skip


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("address")
@page
def edit_subscription(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Change a subscription; what waits is then sent without waiting for the next try."""
    found = subscriptions.get_subscription(principal, number)
    form = SubscriptionForm(principal, request.POST or None, found)

    def save(valid: SubscriptionForm) -> None:
        subscriptions.change_subscription(principal, number, valid.wish())

    return edit(
        request, form, save, to=LIST, done=f"{found.name} was changed.", crumb="Notices",
        title=f"Change {found.name}",
    )  # fmt: skip


@require_http_methods(FORM_METHODS)
@page
def remove_subscription(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Remove a subscription, once that is confirmed."""
    found = subscriptions.get_subscription(principal, number)

    def remove() -> str:
        subscriptions.remove_subscription(principal, number)
        return f"{found.name} was removed."

    words = ["Nobody is told by it any more. What waits for it is not sent."]
    return confirm(
        request, remove, to=LIST, crumb="Notices", title=f"Remove {found.name}", words=words
    )


@require_POST
@page
def test_subscription(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Have a test sent the way that all notices go."""

    def send() -> str:
        subscriptions.send_test(principal, number)
        return "A test is on its way, as all notices are: after quiet hours and other messages."

    return attempt(request, send, to=LIST)
