"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from frontend.views import history, pages, sign_in

urlpatterns = [
    path("", pages.jobs, name="jobs"),
    path("jobs/new", pages.new_job, name="new-job"),
    path("jobs/<uuid:job_id>", pages.job, name="job"),
    path("history", history.history, name="history"),
    path("sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out", sign_in.SignOut.as_view(), name="sign-out"),
]
