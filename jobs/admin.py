"""Django's admin, a view of the database: what it changes, the console's pages change, too.

Staff manage all of it without further permissions, as they may do everything elsewhere. People are
added by superusers, and by staff with the role `manager`, who make no superusers.

Jobs are there to look at only: their rows are the fold of their events, and nothing else may write
them. Tokens are made by their users (POST /api/tokens, `manage.py token make`).
"""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from core.terminal import reveal
from jobs import schedules
from jobs.access import tokens, visibility
from jobs.admin_base import AnyAdmin, AnyUserAdmin, ForStaff, ReadOnly, VisibleNames
from jobs.admin_credentials import CredentialAdmin
from jobs.feed import consumers
from jobs.forms.rights import RightForm
from jobs.forms.schedules import ScheduleForm
from jobs.forms.targets import TargetForm
from jobs.models import ApiToken, Consumer, Credential, Job, Right, Schedule, Target, Team
from jobs.schedules import manage
from jobs.schedules.cron import BadSchedule
from jobs.targets import common_selectors, expand_names
from jobs.targets.selectors import LABEL

# Of allauth's there is nothing to set up by hand: the provider is in the settings, and what people
# have for a second factor is theirs (`manage.py people`).
for _model in [one for one in admin.site._registry if one.__module__.startswith("allauth.")]:
    admin.site.unregister(_model)

admin.site.site_header = admin.site.site_title = "Reprise"
admin.site.index_title = "Set up"
admin.site.register(Credential, CredentialAdmin)


@admin.register(Team)
class TeamAdmin(ForStaff, VisibleNames):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("members",)


@admin.register(Right)
class RightAdmin(ForStaff, VisibleNames):
    form = RightForm
    list_display = ("team", "act", "kind", "targets")
    list_filter = ("team", "act", "kind")
    search_fields = ("team__name", "kind", "targets")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: a right is given or taken, which is what the system's own log tells."""
        return False


class LabelFilter(admin.SimpleListFilter):
    """Offers every label that a target has."""

    title = "label"
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the labels, `role=web`."""
        found = [text for text in common_selectors() if text.startswith(LABEL)]
        return [(text, text.removeprefix(LABEL)) for text in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the targets that have the chosen label."""
        chosen = self.value()
        return queryset.filter(name__in=expand_names([chosen], "")) if chosen else queryset


@admin.register(Target)
class TargetAdmin(ForStaff, VisibleNames):
    form = TargetForm
    list_display = ("name", "group", "transport", "address", "labels")
    list_filter = ("transport", "group", LabelFilter)
    search_fields = ("name", "group", "address", "labels")


@admin.register(Schedule)
class ScheduleAdmin(ForStaff, VisibleNames):
    form = ScheduleForm
    list_display = (
        "name",
        "kind",
        "cron",
        "timezone",
        "enabled",
        "next_run",
        "last_run",
        "failures",
        "message",
    )
    list_filter = ("enabled", "kind")
    search_fields = ("name", "title", "kind")
    readonly_fields = [one.name for one in Schedule._meta.fields if not one.editable]
    actions = ("enable", "disable")

    def save_model(
        self, request: HttpRequest, obj: Schedule, form: ScheduleForm, change: bool
    ) -> None:
        """Keep it, with who wrote it, to run next at the first moment from now on."""
        manage.save_schedule(visibility.of_user(cast(User, request.user)), obj)

    @admin.action(description="Enable the chosen schedules", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Let the chosen ones run, from now on."""
        self._set_enabled(request, queryset, on=True)

    @admin.action(description="Disable the chosen schedules", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Let the chosen ones run no more, whatever is wrong with them."""
        self._set_enabled(request, queryset, on=False)

    def _set_enabled(self, request: HttpRequest, queryset: QuerySet[Schedule], *, on: bool) -> None:
        for schedule in queryset:
            try:
                schedules.set_enabled(schedule.pk, on=on)
            except BadSchedule as error:
                message = f"{schedule.name}: {error.message}"
                self.message_user(request, message, messages.ERROR)


@admin.register(Consumer)
class ConsumerAdmin(ReadOnly, AnyAdmin):
    list_display = ("name", "enabled", "position", "failures", "retry_at", "left_out", "error")
    actions = ("enable", "disable")

    @admin.action(description="Enable the chosen consumers", permissions=["view"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Consumer]) -> None:
        """Let the chosen ones read on from where they are."""
        consumers.set_enabled([one.name for one in queryset], on=True)

    @admin.action(description="Disable the chosen consumers", permissions=["view"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Consumer]) -> None:
        """Let the chosen ones stay where they are."""
        consumers.set_enabled([one.name for one in queryset], on=False)


@admin.register(Job)
class JobAdmin(ReadOnly, AnyAdmin):
    list_display = (
        "visible_title",
        "kind",
        "status",
        "submitted_by",
        "submitted_at",
        "attempt",
        "worker",
    )
    list_filter = ("status", "kind", "team")
    search_fields = ("title", "submitted_by")
    exclude = ("head_hash", "request_hash", "title")
    readonly_fields = ("visible_title",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the jobs without what may be long in them: a list of them shows none of that."""
        return super().get_queryset(request).defer("params", "plan", "labels", "waiting_for")

    @admin.display(description="title", ordering="title")
    def visible_title(self, job: Job) -> str:
        """Return the title with what is not visible written out."""
        return reveal(job.title)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, AnyAdmin):
    list_display = (
        "name",
        "user",
        "prefix",
        "scopes",
        "kind",
        "team",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("user",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("hash",)
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End the chosen tokens at once."""
        count = tokens.revoke_tokens(queryset)
        self.message_user(request, f"{count} revoked; the others were already.")


admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(VisibleNames, AnyUserAdmin):
    """Django's own, where somebody who is no superuser makes none, and touches none."""

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return what cannot be changed: for others than superusers, what would make one."""
        own = super().get_readonly_fields(request, obj)
        return own if _is_superuser(request) else (*own, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether a person may be changed, their password too."""
        return self._may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether a person may be deleted."""
        return self._may_touch(request, obj) and super().has_delete_permission(request, obj)

    @staticmethod
    def _may_touch(request: HttpRequest, obj: User | None) -> bool:
        return _is_superuser(request) or obj is None or not obj.is_superuser


def _is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser
