"""Lists of the console: filtered by their address, paged by key, complete without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.errors import storable_text

PAGE_SIZE = 50
MAX_KEY = 300


class ListFilters(forms.Form):
    """The filters in a list's address. One that is malformed is not applied, and says so."""

    text = forms.CharField(required=False, max_length=200, label="Text")

    def value_of(self, name: str) -> str:
        """Return what was chosen, "" for nothing."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def are_set(self) -> bool:
        """Whether any filter is in the address."""
        return any(self.data.get(name) for name in self.fields)


@dataclass(frozen=True, slots=True)
class RowPage:
    """A page of rows, and the addresses of the neighbouring pages, or None."""

    rows: list[Any]
    newer: str | None
    older: str | None


def page_rows(request: HttpRequest, rows: QuerySet[Any], key: str) -> RowPage:
    """Return the page of rows that the address asks for, in the order of a unique column."""
    after, before = _place(request, "after"), _place(request, "before")
    if before:
        found = list(rows.filter(**{f"{key}__lt": before}).order_by(f"-{key}")[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE][::-1]
        has_newer, has_older = len(found) > PAGE_SIZE, True
    else:
        later = rows.filter(**{f"{key}__gt": after}) if after else rows
        found = list(later.order_by(key)[: PAGE_SIZE + 1])
        shown, has_newer, has_older = found[:PAGE_SIZE], bool(after), len(found) > PAGE_SIZE
    return RowPage(
        shown,
        _address(request, "before", _key_of(shown[0], key)) if shown and has_newer else None,
        _address(request, "after", _key_of(shown[-1], key)) if shown and has_older else None,
    )


def show_list(
    request: HttpRequest,
    template: str,
    rows: QuerySet[Any],
    filters: ListFilters,
    *,
    key: str = "name",
    describe: Callable[[list[Any]], list[Any]] = list,
    **context: Any,
) -> HttpResponse:
    """Show a page of rows in a template that extends `frontend/console/list.html`.

    `describe` returns what the template shows of them, in the same order.
    """
    page = page_rows(request, rows, key)
    page = replace(page, rows=describe(page.rows))
    return render(request, template, {"page": page, "filters": filters, **context})


def _place(request: HttpRequest, name: str) -> str:
    return storable_text(request.GET.get(name, ""))[:MAX_KEY]


def _key_of(row: Model, key: str) -> str:
    return str(getattr(row, key))


def _address(request: HttpRequest, name: str, place: str) -> str:
    query = request.GET.copy()
    for other in ("after", "before"):
        query.pop(other, None)
    query[name] = place
    return f"{request.path}?{query.urlencode()}"
