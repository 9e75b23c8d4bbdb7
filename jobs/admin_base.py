"""What the pages of Django's admin share: staff may do everything there, names are visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest

from jobs.forms.base import check_visible

# Generic in the stubs only, not at run time.
if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AnyUserAdmin = UserAdmin[User]
else:
    AnyAdmin, AnyUserAdmin = admin.ModelAdmin, UserAdmin


class ForStaff:
    """Mixed into a ModelAdmin: all staff may do everything there, whatever their permissions."""

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether somebody is staff."""
        return request.user.is_active and request.user.is_staff

    has_module_permission = has_add_permission = has_view_permission
    has_change_permission = has_delete_permission = has_view_permission


class ReadOnly(ForStaff):
    """Mixed into a ModelAdmin: to be read, never written."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: nothing is added, changed or deleted here."""
        return False

    has_change_permission = has_delete_permission = has_add_permission


class VisibleNames(AnyAdmin):
    """A ModelAdmin that refuses characters which are not visible in every line of text."""

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Return the form's field, which checks a line of text."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, models.CharField):
            field.validators = [*field.validators, check_visible]
        return field
