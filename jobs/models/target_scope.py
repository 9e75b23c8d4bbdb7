"""Targets as somebody knows them: within a scope `Target.objects` has those alone.

A kind's code asks `Target.objects` for the targets that it was given. While it works on somebody's
request, those that they may not see are not there for it (`jobs.access.run_rights` sets the scope).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from django.db import models
from django.db.models import Q, QuerySet

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class _Scope:
    seen: Q
    chosen: Q


_scope: ContextVar[_Scope | None] = ContextVar("jobs.models.target_scope", default=None)


@contextmanager
def target_scope(seen: Q, chosen: Q) -> Iterator[None]:
    """Let there be only the targets `seen` meanwhile, of which groups and labels mean `chosen`."""
    token = _scope.set(_Scope(seen, chosen))
    try:
        yield
    finally:
        _scope.reset(token)


class TargetManager(models.Manager[M]):
    """The targets of the scope; without one, all."""

    def get_queryset(self) -> QuerySet[M]:
        """Return the targets that may be seen."""
        scope, found = _scope.get(), super().get_queryset()
        return found if scope is None else found.filter(scope.seen)

    def chosen(self) -> QuerySet[M]:
        """Return the targets that a group or a label may stand for."""
        scope, found = _scope.get(), self.get_queryset()
        return found if scope is None else found.filter(scope.chosen)
