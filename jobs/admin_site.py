"""The admin's site: open to staff whose session lets them in, as everything else is."""

from __future__ import annotations

from django.contrib.admin.sites import AdminSite
from django.contrib.auth.models import User
from django.http import HttpRequest

from jobs.access import session_rules


class Site(AdminSite):
    """Django's site, behind the second factor and single sign-on."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether somebody may see any page of the admin."""
        user = request.user
        if not isinstance(user, User) or not super().has_permission(request):
            return False
        return session_rules.find_refusal(request.session, user) is None
