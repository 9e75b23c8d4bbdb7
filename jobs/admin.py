"""Django's admin for what people set up by hand: teams, the inventory, tokens to revoke.

Jobs are there to look at only: their rows are the fold of their events, and nothing else may write
them. Tokens are made by their users (POST /api/tokens, `manage.py token make`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest

from core import clock
from core.errors import BadRequest
from jobs import schedules, tokens
from jobs.events import clean, is_storable
from jobs.models import ApiToken, Job, Schedule, Target, Team
from jobs.targets import checking, expand, selectors
from jobs.targets.selecting import LABEL

# Generic in the stubs only, not at run time.
if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    TokenAdmin = admin.ModelAdmin[ApiToken]
    ScheduleModelAdmin = admin.ModelAdmin[Schedule]
    TargetModelForm = forms.ModelForm[Target]
    ScheduleModelForm = forms.ModelForm[Schedule]
else:
    AnyAdmin = TokenAdmin = ScheduleModelAdmin = admin.ModelAdmin
    TargetModelForm = ScheduleModelForm = forms.ModelForm

admin.site.site_header = admin.site.site_title = "Reprise"
admin.site.index_title = "Set up"


class ReadOnly:
    """Mixed into a ModelAdmin: to be read, never written."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: nothing is changed here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: nothing is deleted here."""
        return False


@admin.register(Team)
class TeamAdmin(AnyAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("members",)


class CleanJSONField(forms.JSONField):
    """JSON that Postgres keeps: no NaN, no infinite number; NUL is replaced, as in events."""

    def to_python(self, value: Any) -> Any:
        """Return the value. Raises ValidationError."""
        try:
            made = clean(super().to_python(value))
        except (BadRequest, RecursionError) as error:
            raise ValidationError(self.error_messages["invalid"], "invalid") from error
        if not is_storable(made):
            raise ValidationError(self.error_messages["invalid"], "invalid")
        return made

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the field shows: what was sent, where it is too deep to be read."""
        try:
            shown = super().bound_data(data, initial)
            return shown if isinstance(shown, InvalidJSONInput) else clean(shown)
        except (BadRequest, RecursionError):
            return InvalidJSONInput(data)


JSON_FIELDS: Mapping[type[models.Field[Any, Any]], Mapping[str, Any]] = {
    models.JSONField: {"form_class": CleanJSONField}
}


class TargetForm(TargetModelForm):
    """A target by hand: refused for what an import would refuse."""

    def clean(self) -> dict[str, Any]:
        """Add an error to the field that makes the target useless."""
        super().clean()
        if not self.errors and (wrong := checking.problem(Target(**self.cleaned_data))):
            self.add_error(*wrong)
        return self.cleaned_data


class LabelFilter(admin.SimpleListFilter):
    """Offers every label that a target has."""

    title = "label"
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the labels, `role=web`."""
        found = [text for text in selectors() if text.startswith(LABEL)]
        return [(text, text.removeprefix(LABEL)) for text in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the targets that have the chosen label."""
        chosen = self.value()
        return queryset.filter(name__in=expand([chosen], "")) if chosen else queryset


@admin.register(Target)
class TargetAdmin(AnyAdmin):
    form = TargetForm
    formfield_overrides = JSON_FIELDS
    list_display = ("name", "group", "transport", "address", "labels")
    list_filter = ("transport", "group", LabelFilter)
    search_fields = ("name", "group", "address", "labels")


class ScheduleForm(ScheduleModelForm):
    """A schedule by hand: refused for what it could never submit."""

    def clean(self) -> dict[str, Any]:
        """Add an error to the field that makes the schedule useless."""
        super().clean()
        if not self.errors and (wrong := schedules.problem(Schedule(**self.cleaned_data))):
            self.add_error(*wrong)
        return self.cleaned_data


@admin.register(Schedule)
class ScheduleAdmin(ScheduleModelAdmin):
    form = ScheduleForm
    formfield_overrides = JSON_FIELDS
    list_display = (
        "name",
        "kind",
        "cron",
        "timezone",
        "enabled",
        "next_run",
        "last_run",
        "message",
    )
    list_filter = ("enabled", "kind")
    search_fields = ("name", "title", "kind")
    readonly_fields = ("next_run", "last_run", "last_job", "message")

    def save_model(
        self, request: HttpRequest, obj: Schedule, form: ScheduleForm, change: bool
    ) -> None:
        """Keep it, to run next at the first moment from now on."""
        schedules.plan(obj, clock.now())
        super().save_model(request, obj, form, change)


@admin.register(Job)
class JobAdmin(ReadOnly, AnyAdmin):
    list_display = ("title", "kind", "status", "submitted_by", "submitted_at", "attempt", "worker")
    list_filter = ("status", "kind", "team")
    search_fields = ("title", "submitted_by")
    exclude = ("head_hash", "request_hash")
    show_full_result_count = False


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, TokenAdmin):
    list_display = ("name", "user", "prefix", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("user",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("hash",)
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End the chosen tokens at once."""
        count = tokens.revoke(queryset)
        self.message_user(request, f"{count} revoked; the others were already.")
