"""Every address of the service. The composition root: it alone knows all the parts."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from core import csp, health, problems
from frontend.views import sign_in
from jobs.api.main import urls as api_urls
from streams.transports.export import follow_exports

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("csp-report", csp.report),
    path("admin/login/", sign_in.staff),  # one page to sign in, with one limit on attempts
    # Here, too, one page with one limit, on guesses at the current password.
    path("admin/password_change/", RedirectView.as_view(pattern_name="password")),
    path("admin/", admin.site.urls),
    # Browsers ask for it where a page names no icon: the admin's, a problem shown as text.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}frontend/favicon.svg")),
    path("", include("streams.urls")),  # some of them under /api/jobs/<id>/
    # Before ninja's own root, which answers in plain text.
    path("api/", problems.unknown),
    path("api/", api_urls(follow_exports)),
    re_path(r"^api(?:/|$)", problems.unknown),
    path("", include("frontend.urls")),
]

handler400 = problems.handler400
handler403 = problems.handler403
handler404 = problems.handler404
handler500 = problems.handler500
