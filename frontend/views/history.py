"""The history page: every event, filtered and paged, complete without JavaScript."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.clock import OutOfRange, read_moment
from core.errors import BadParameter
from core.ids import parse_id
from core.terminal import plain_text, reveal
from frontend import words
from frontend.templatetags.reprise import kind_titles
from frontend.views.frame import page
from jobs import feed
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.api.listing import require_kind
from jobs.events import Event, EventType, parse_stored
from jobs.feed.read import SEARCHED_POSITIONS
from jobs.log.months import archived_before
from jobs.system_log.stream import KIND as SYSTEM

PAGE_SIZE = 100
FORMATS = ("csv", "ndjson")
# The choice of "Event" that leaves nothing out; the default spares the reader what steps print.
EVERYTHING = "everything"
_GLYPHS: dict[str, str] = {
    EventType.STEP_SUCCEEDED: "succeeded",
    EventType.JOB_SUCCEEDED: "succeeded",
    EventType.STEP_FAILED: "failed",
    EventType.JOB_FAILED: "failed",
    EventType.JOB_CANCELLED: "cancelled",
    EventType.JOB_CANCEL_REQUESTED: "cancelling",
    EventType.STEP_STARTED: "running",
    EventType.ATTEMPT_STARTED: "running",
    EventType.JOB_WAITING: "waiting",
    EventType.JOB_PAUSED: "paused",
    EventType.JOB_RESUMED: "running",
    EventType.JOB_APPROVAL_REQUESTED: "waiting",
    EventType.JOB_APPROVED: "succeeded",
    EventType.JOB_REJECTED: "failed",
    EventType.STEP_SKIPPED: "skipped",
    EventType.STEP_KEPT: "queued",
    EventType.STEP_RETRIED: "retried",
    EventType.JOB_SUBMITTED: "queued",
    EventType.SYSTEM_SIGN_IN_FAILED: "failed",
}


class JobIdField(forms.CharField):
    """A job's id, by the same rule as the API's."""

    def clean(self, value: Any) -> UUID | None:
        """Return the id, None for an empty field. Raises ValidationError."""
        text = super().clean(value)
        try:
            return parse_id(text) if text else None
        except ValueError as error:
            raise ValidationError("Enter a job's id: 32 hex digits.") from error


class MomentField(forms.CharField):
    """A date, or a date and a time, as the API reads it: UTC unless it says otherwise."""

    def clean(self, value: Any) -> datetime | None:
        """Return the moment in UTC, None for an empty field. Raises ValidationError."""
        text = super().clean(value)
        try:
            return read_moment(text) if text else None
        except OutOfRange as error:
            raise ValidationError("Enter a date within the years 1 to 9999.") from error
        except ValueError as error:
            raise ValidationError("Enter a date, or a date and a time.") from error


class Filters(forms.Form):
    """The filters in the address; times are UTC."""

    job = JobIdField(required=False)
    kind = forms.CharField(required=False, max_length=100)
    actor = forms.CharField(required=False, max_length=200)
    type = forms.ChoiceField(
        required=False,
        choices=[
            ("", "no output, no progress"),
            (EVERYTHING, "everything"),
            *((one.value, one.value) for one in EventType),
        ],
    )
    text = forms.CharField(required=False, max_length=200)
    target = forms.CharField(required=False, max_length=200)
    since = MomentField(required=False)
    until = MomentField(required=False)

    def __init__(self, query: QueryDict, principal: Principal) -> None:
        super().__init__(query)
        self._principal = principal

    def clean_kind(self) -> str:
        """Return the kind; ValidationError for one that there is not."""
        kind: str = self.cleaned_data["kind"]
        if kind:
            try:
                require_kind(self._principal, kind, visibility.visible_jobs(self._principal))
            except BadParameter as error:
                raise ValidationError(error.message) from error
        return kind

    def audit(self) -> feed.AuditFilter:
        """Return the filter that the feed understands; a filter that is malformed is left out."""
        self.is_valid()
        given: dict[str, Any] = {name: self.cleaned_data.get(name) for name in self.fields}
        if given["actor"] and ":" not in given["actor"]:
            given["actor"] = f"user:{given['actor']}"
        given["output"] = given["progress"] = bool(given["type"])
        if given["type"] == EVERYTHING:
            given["type"] = None
        return feed.AuditFilter(**given)


@dataclass(frozen=True, slots=True)
class Line:
    """One event as the page shows it."""

    event: Event
    at: datetime
    what: str
    who: str
    glyph: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one job that follow each other on the page."""

    job: str
    kind: str
    title: str
    imported: bool
    lines: list[Line] = field(default_factory=list)


@require_safe
@page
def history(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show a page of the feed of all events that the reader may see, newest first."""
    visibility.require_act(principal, "view")
    filters = Filters(request.GET, principal)
    found = feed.read_audit(
        principal,
        filters.audit(),
        after=_position(request, "after"),
        before=_position(request, "before"),
        limit=PAGE_SIZE,
    )
    titles = kind_titles(principal)
    if principal.visibility.everything:
        titles[SYSTEM] = "System"
    context = {
        "filters": filters,
        "kinds": titles,
        "groups": grouped(found.rows, titles),
        "downloads": _downloads(request),
        "searched": SEARCHED_POSITIONS if filters.audit().is_search else None,
        "newer": _address(request, found.previous, "after"),
        "older": _address(request, found.next, "before"),
        "archived_before": archived_before() if found.next is None else None,
        "filtered": any(request.GET.get(name) for name in filters.fields),
    }
    return render(request, "frontend/history.html", context)


def grouped(rows: Iterable[feed.AuditRow], titles: dict[str, str]) -> list[Group]:
    """Return the rows as groups of one job each, in their order."""
    groups = []
    for job, own in groupby(rows, key=lambda row: row.job):
        of_job = list(own)
        kind, title, imported = of_job[0].job_kind, of_job[0].job_title, of_job[0].job_imported
        lines = [_line(row.text, imported=imported) for row in of_job]
        shown = reveal(plain_text(title))
        groups.append(Group(job, titles.get(kind, kind), shown, imported, lines))
    return groups


def _line(text: str, *, imported: bool) -> Line:
    event = parse_stored(text)
    who = words.who(event.actor)
    return Line(
        event=event,
        at=datetime.fromisoformat(event.at).astimezone(UTC),
        what=words.words(event),
        who=f"{who} (imported)" if imported else who,
        glyph=_GLYPHS.get(event.type, ""),
        text=text,
    )


def _position(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else None


def _downloads(request: HttpRequest) -> dict[str, str]:
    """Return the addresses of all that the filters let through, by what they are called."""
    query = request.GET.copy()
    for place in ("after", "before"):
        query.pop(place, None)
    addresses = {}
    for name in FORMATS:
        query["format"] = name
        addresses[name.upper()] = f"/history/download?{query.urlencode()}"
    return addresses


def _address(request: HttpRequest, position: Any, name: str) -> str | None:
    """Return the address of the neighbouring page: the same filters, another place."""
    if position is None:
        return None
    query = request.GET.copy()
    for place in ("after", "before"):
        query.pop(place, None)
    query[name] = str(position)
    return f"{request.path}?{query.urlencode()}"
