"""`/schedules`: jobs submitted by the clock; for staff, as over the API."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import clock
from core.errors import RepriseError, storable_text
from frontend.templatetags.reprise import kind_titles, zone_of
from frontend.views.editing import confirm, edit, finish, redirect_with_error, style_fields
from frontend.views.frame import page
from frontend.views.listing import ListFilters, show_list
from frontend.views.schedule_form import SchedulePageForm, kind_params
from frontend.views.schedule_week import MOST_SCHEDULES, WeekForm, plan_week
from jobs import schedules as clockwork
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.models import Schedule
from jobs.schedules import BadSchedule, manage

LIST = "/schedules"
COMING, OUTCOMES = 5, 10


class ScheduleFilters(ListFilters):
    """The filters of the schedules."""

    kind = forms.ChoiceField(required=False, label="Kind")
    state = forms.ChoiceField(
        required=False,
        label="State",
        choices=[("", "any"), ("on", "on"), ("paused", "paused"), ("failing", "failing")],
    )

    def __init__(self, query: QueryDict, titles: dict[str, str]) -> None:
        super().__init__(query)
        kinds = Schedule.objects.order_by("kind").values_list("kind", flat=True).distinct()
        choices = [("", "any"), *((kind, titles.get(kind, kind)) for kind in kinds)]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        self.fields["text"].label = "Name or title"
        style_fields(self)

    def apply(self, found: QuerySet[Schedule]) -> QuerySet[Schedule]:
        """Return those of the schedules that pass."""
        if text := self.value_of("text"):
            found = found.filter(Q(name__icontains=text) | Q(title__icontains=text))
        if kind := self.value_of("kind"):
            found = found.filter(kind=kind)
        state = {
            "on": Q(enabled=True), "paused": Q(enabled=False), "failing": Q(failures__gt=0),
        }.get(self.value_of("state"))  # fmt: skip
        return found if state is None else found.filter(state)


@require_safe
@page
def schedules(request: HttpRequest, principal: Principal) -> HttpResponse:
    """List the schedules: when each runs next, and how its last job ended."""
    visibility.require_staff(principal)
    titles = kind_titles(principal)
    filters = ScheduleFilters(request.GET, titles)
    rows = filters.apply(Schedule.objects.select_related("owner", "last_job"))
    return show_list(request, "frontend/schedules/list.html", rows, filters, titles=titles)


@require_safe
@page
def week(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show a week of the enabled schedules as a calendar, in a time zone."""
    visibility.require_staff(principal)
    form = WeekForm({"zone": zone_of(request), **request.GET.dict()})
    style_fields(form)
    enabled = Schedule.objects.filter(enabled=True).order_by("next_run", "name")
    context = {
        "form": form,
        "days": plan_week(enabled[:MOST_SCHEDULES], form.first_day, form.place),
        "left_out": max(0, enabled.count() - MOST_SCHEDULES),
        **form.neighbours,
    }
    return render(request, "frontend/schedules/week.html", context)


@require_safe
@page
def schedule(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Show one schedule: what it runs, its next moments, its last outcomes."""
    found = manage.find_schedule(principal, number)
    kind = registry.find_kind(found.kind)
    context = {
        "schedule": found,
        "kind_title": kind.title if kind else found.kind,
        "coming": _coming(found),
        "params_text": json.dumps(found.params, ensure_ascii=False, indent=2),
        "outcomes": manage.jobs_of(principal, found).defer("params", "plan")[:OUTCOMES],
    }
    return render(request, "frontend/schedules/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def add_schedule(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Choose a kind, then write a schedule of it."""
    visibility.require_staff(principal)
    kinds = {kind.name: kind for kind in registry.all_kinds()}
    kind = kinds.get(request.GET.get("kind", ""))
    if kind is None:
        context = {"kinds": kinds.values()}
        return render(request, "frontend/schedules/kinds.html", context)
    made = Schedule(kind=kind.name, owner=principal.user)
    title = f"New schedule: {kind.title}"
    return _edit(request, principal, made, title=title, button="Add schedule")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def edit_schedule(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Change a schedule."""
    found = manage.find_schedule(principal, number)
    return _edit(request, principal, found, title=f"Change {found.name}")


@require_POST
@page
def switch_schedule(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Pause a schedule, or let it run from now on."""
    on = request.POST.get("enabled") == "1"
    try:
        found = manage.switch_schedule(principal, number, on=on)
    except BadSchedule as error:
        return redirect_with_error(request, error, f"{LIST}/{number}")
    done = f"{found.name} {'runs from now on' if on else 'is paused'}."
    return finish(request, done, f"{LIST}/{number}")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def delete_schedule(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Delete a schedule, once that is confirmed."""
    found = manage.find_schedule(principal, number)

    def delete() -> str:
        manage.delete_schedule(principal, number)
        return f"{found.name} was deleted."

    title = f"Delete {found.name}"
    words = ["It submits no more jobs. Those that it has submitted stay."]
    back = f"{LIST}/{number}"
    return confirm(request, delete, to=LIST, back=back, crumb=found.name, title=title, words=words)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def run_schedule(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Submit a schedule's job now, once for each form however often it is sent."""
    found, back = manage.find_schedule(principal, number), f"{LIST}/{number}"
    if request.method == "POST":
        key = storable_text(request.POST.get("key", ""))[:64] or get_random_string(32)
        try:
            job = manage.run_now(principal, number, key)
        except RepriseError as error:
            return redirect_with_error(request, error, back)
        return redirect("job", job.pk)
    words = [
        f"{found.title or found.kind} starts now, as your job. The schedule goes on as before."
    ]
    context = {
        "title": f"Run {found.name} now", "button": "Run now", "words": words, "back": back,
        "crumb": found.name, "hidden": {"key": get_random_string(32)},
    }  # fmt: skip
    return render(request, "frontend/console/confirm.html", context)


def _edit(
    request: HttpRequest, principal: Principal, found: Schedule, **words: Any
) -> HttpResponse:
    form = SchedulePageForm(request.POST or None, instance=found)
    kind = registry.find_kind(found.kind)

    def save(valid: SchedulePageForm) -> None:
        manage.save_schedule(principal, valid.save(commit=False))

    return edit(
        request,
        form,
        save,
        to=f"{LIST}/{found.pk}" if found.pk else LIST,
        done="The schedule was saved.",
        template="frontend/schedules/form.html",
        crumb=found.name or "Schedules",
        kind=kind,
        params=kind_params(kind, form) if kind else {},
        **words,
    )


def _coming(found: Schedule) -> list[Any]:
    """Return the next moments of an enabled schedule that can have any."""
    if not found.enabled:
        return []
    try:
        return clockwork.next_moments(found.cron, found.timezone, clock.now(), COMING)
    except BadSchedule:
        return []
