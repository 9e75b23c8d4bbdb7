"""The addresses of the pages."""

from __future__ import annotations

from uuid import UUID

from django.urls import path, register_converter

from core.ids import parse_id
from frontend.views import account, history, pages, sign_in


class JobConverter:
    """A job's id in an address, in any form that an id has."""

    regex = "[0-9A-Fa-f-]{32,36}"

    def to_python(self, text: str) -> UUID:
        """Return the id; ValueError, so that the address is none, for other text."""
        return parse_id(text)

    def to_url(self, job: UUID) -> str:
        """Return the id as addresses have it."""
        return str(job)


register_converter(JobConverter, "job")

urlpatterns = [
    path("", pages.jobs, name="jobs"),
    path("jobs/new", pages.new_job, name="new-job"),
    path("jobs/<job:job_id>", pages.job, name="job"),
    path("history", history.history, name="history"),
    path("account", account.account, name="account"),
    path("account/tokens/<int:token_id>/revoke", account.revoke, name="revoke-token"),
    path("account/sessions/end-others", account.end_others, name="end-other-sessions"),
    path("account/sessions/<slug:short_id>/end", account.end_session, name="end-session"),
    path("password", sign_in.ChangePassword.as_view(), name="password"),
    path("sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out", sign_in.SignOut.as_view(), name="sign-out"),
]
