"""The list of jobs: filters, and paging by key."""

from __future__ import annotations

from functools import reduce
from operator import add, itemgetter
from uuid import UUID

from django.db.models import Func, IntegerField, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from ninja import Schema
from pydantic import Field

from core.errors import BadCursor, BadParameter
from core.ids import parse_id
from core.words import split_list
from jobs.access import visibility
from jobs.access.rights import are_granted
from jobs.access.run_rights import known_kinds
from jobs.access.visibility import Principal
from jobs.api.fields import JobId, LabelText, Moment, Text
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.events.actions import open_gates
from jobs.events.fold import STATUSES
from jobs.models import Job

# What may be long in a job, by far.
LARGE = ("params", "plan")
ROW_BYTES = 1024
# More of a status are not counted: that takes as long as there are jobs.
MOST_COUNTED = 1000


class JobFilters(Schema):
    """The query of GET /api/jobs: every filter given must hold."""

    id: JobId | None = Field(None, description="That job's row, read without folding its log.")
    status: list[str] = Field([], description="One or more, repeated or with commas between.")
    kind: Text | None = None
    label: list[LabelText] = Field([], description="`name:value`; repeated: all of them.")
    actor: Text | None = Field(
        None, description="`user:<name>`, `token:<user>/<name>`, or a user's name for either."
    )
    target: Text | None = Field(None, description="A target in the job's plan.")
    retry_of: JobId | None = Field(None, description="Retries of that job.")
    since: Moment | None = Field(None, description="Submitted at this time or later.")
    until: Moment | None = Field(None, description="Submitted before then.")
    text: Text | None = Field(None, description="Part of the title, kind or message; or an id.")
    brief: bool = Field(False, description="Leaves out `params` and `plan`, which are then null.")
    counts: bool = Field(
        False, description="Adds `counts`: how many jobs have each status, up to 1,000."
    )
    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, description="The `next` of the previous page.")


def list_jobs(principal: Principal, wanted: JobFilters) -> tuple[list[Job], str | None]:
    """Return one page of somebody's jobs that pass, newest first, and the next page's cursor.

    Keyset paging: a page starts below the last id of the one before, so jobs that arrive in
    between neither repeat nor hide any. It ends early where the jobs come to ANSWER_BYTES.

    Raises BadCursor, and BadParameter for a status or a kind that there is not.
    """
    jobs = visibility.listed_jobs(principal)
    if wanted.kind:
        require_kind(principal, wanted.kind, jobs)
    jobs = _filter_jobs(jobs, wanted)
    if wanted.cursor is not None:
        jobs = jobs.filter(pk__lt=_cursor_id(wanted.cursor))
    large = () if wanted.brief else LARGE
    sized = jobs.order_by("-pk").annotate(size=_size_of(*large, "labels", "waiting_for", "message"))
    found = list(sized.values_list("pk", "size")[: wanted.limit + 1])
    page, more = fit_page(found, wanted.limit, itemgetter(1))
    rows = jobs.filter(pk__in=[pk for pk, _size in page]).order_by("-pk")
    return _brief_rows(rows) if wanted.brief else list(rows), str(page[-1][0]) if more else None


def count_by_status(principal: Principal, wanted: JobFilters) -> dict[str, int]:
    """Return how many of somebody's jobs have each status; MOST_COUNTED stands for more as well.

    They pass all filters but that of the status.
    """
    others = wanted.model_copy(update={"status": []})
    jobs = _filter_jobs(visibility.listed_jobs(principal), others).order_by()
    return {status: jobs.filter(status=status)[:MOST_COUNTED].count() for status in STATUSES}


def _brief_rows(rows: QuerySet[Job]) -> list[Job]:
    """Return rows without what is long, unless it takes their targets to say who may answer."""
    brief = list(rows.defer(*LARGE))
    if not are_granted():
        return brief
    asking = [row.pk for row in brief if open_gates(row.waiting_for)]
    whole = rows.in_bulk(asking) if asking else {}
    return [whole.get(row.pk, row) for row in brief]


def _size_of(*columns: str) -> Combinable:
    """Return the bytes of these columns as text, and what the rest of a row may have."""
    sizes = (
        Func(Cast(name, TextField()), function="octet_length", output_field=IntegerField())
        for name in columns
    )
    return reduce(add, sizes, Value(ROW_BYTES))


def _filter_jobs(jobs: QuerySet[Job], wanted: JobFilters) -> QuerySet[Job]:
    if wanted.id:
        jobs = jobs.filter(pk=wanted.id)
    if statuses := _parse_statuses(wanted.status):
        jobs = jobs.filter(status__in=statuses)
    if wanted.kind:
        jobs = jobs.filter(kind=wanted.kind)
    if labels := dict(map(_parse_label, wanted.label)):
        jobs = jobs.filter(labels__contains=labels)
    if wanted.actor:
        jobs = jobs.filter(Q(submitted_by=wanted.actor) | Q(owner__username=wanted.actor))
    if wanted.target:
        jobs = jobs.filter(plan__contains={"groups": [{"targets": [wanted.target]}]})
    if wanted.retry_of:
        jobs = jobs.filter(retry_of=wanted.retry_of)
    if wanted.since:
        jobs = jobs.filter(submitted_at__gte=wanted.since)
    if wanted.until:
        jobs = jobs.filter(submitted_at__lt=wanted.until)
    if wanted.text:
        jobs = jobs.filter(_text_filter(wanted.text))
    return jobs


def _parse_statuses(values: list[str]) -> list[str]:
    statuses = split_list(values)
    unknown = sorted(set(statuses) - set(STATUSES))
    if unknown:
        raise BadParameter("status", f"There is no status {unknown[0]!r}: {', '.join(STATUSES)}.")
    return statuses


def _parse_label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name:
        raise BadParameter("label", "A label filter is written name:value.")
    return name, value


def _text_filter(text: str) -> Q:
    found = Q(title__icontains=text) | Q(message__icontains=text) | Q(kind__icontains=text)
    try:
        return found | Q(pk=parse_id(text))
    except ValueError:
        return found


def require_kind(principal: Principal, name: str, jobs: QuerySet[Job]) -> None:
    """Raise BadParameter for a kind that somebody does not know and that none of the jobs has.

    A kind that is no longer installed is still that of the jobs that it has run.
    """
    known = [kind.name for kind in known_kinds(principal)]
    if name not in known and not jobs.filter(kind=name).exists():
        raise BadParameter("kind", f"There is no kind {name!r}: {', '.join(known)}.")


def _cursor_id(cursor: str) -> UUID:
    try:
        return parse_id(cursor)
    except ValueError:
        raise BadCursor(
            "Invalid cursor for this list. Use the `next` of the previous page."
        ) from None
