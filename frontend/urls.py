"""The addresses of the pages."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import path, register_converter
from django.views import View

from core.errors import SecondFactorRequired
from core.ids import parse_id
from frontend.views import (
    account,
    compare,
    credentials,
    find,
    history,
    history_download,
    notices,
    pages,
    people,
    preferences,
    provider_pages,
    schedules,
    sign_in,
    statistics,
    targets,
    teams,
    webhooks,
)
from frontend.views import second_factor as factors
from frontend.views.frame import whole_session
from streams.transports.export import follow_exports


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

# One who downloads is a follower: limits, access and the drain hold here, too.
download = follow_exports(history_download.download, lambda _request: True)

urlpatterns = [
    path("", pages.jobs, name="jobs"),
    path("jobs/new", pages.new_job, name="new-job"),
    path("jobs/<job:job_id>", pages.job, name="job"),
    path("jobs/<job:job_id>/compare/<job:other_id>", compare.compare, name="compare"),
    path("history", history.history, name="history"),
    path("history/download", download, name="download-history"),
    path("targets", targets.targets, name="targets"),
    path("targets/<path:name>", statistics.target, name="target"),
    path("kinds/<str:name>", statistics.kind, name="kind"),
    path("inventory/new", targets.add_target, name="add-target"),
    path("inventory/<int:number>/edit", targets.edit_target, name="edit-target"),
    path("inventory/<int:number>/retire", targets.retire_target, name="retire-target"),
    path("schedules", schedules.schedules, name="schedules"),
    path("schedules/week", schedules.week, name="schedule-week"),
    path("schedules/new", schedules.add_schedule, name="add-schedule"),
    path("schedules/<int:number>", schedules.schedule, name="schedule"),
    path("schedules/<int:number>/edit", schedules.edit_schedule, name="edit-schedule"),
    path("schedules/<int:number>/switch", schedules.switch_schedule, name="switch-schedule"),
    path("schedules/<int:number>/delete", schedules.delete_schedule, name="delete-schedule"),
    path("schedules/<int:number>/run", schedules.run_schedule, name="run-schedule"),
    path("people", people.people, name="people"),
    path("people/new", people.add_person, name="add-person"),
    path("people/<int:number>", people.person, name="person"),
    path("people/<int:number>/edit", people.edit_person, name="edit-person"),
    path("people/<int:number>/password", people.reset_password, name="reset-password"),
    path("people/<int:number>/second-factor", people.reset_factors, name="reset-factors"),
    path("people/<int:number>/sessions/end", people.end_sessions, name="end-their-sessions"),
    path(
        "people/<int:number>/sessions/<slug:short_id>/end",
        people.end_sessions,
        name="end-their-session",
    ),
    path(
        "people/<int:number>/tokens/<int:token>/revoke",
        people.revoke_token,
        name="revoke-their-token",
    ),
    path("teams", teams.teams, name="teams"),
    path("teams/new", teams.add_team, name="add-team"),
    path("teams/<int:number>", teams.team, name="team"),
    path("teams/<int:number>/edit", teams.edit_team, name="edit-team"),
    path("teams/<int:number>/delete", teams.delete_team, name="delete-team"),
    path("teams/<int:number>/members/add", teams.add_member, name="add-member"),
    path(
        "teams/<int:number>/members/<int:person>/remove", teams.remove_member, name="remove-member"
    ),
    path("teams/<int:number>/rights/give", teams.give_right, name="give-right"),
    path("teams/<int:number>/rights/<int:right>/take", teams.take_right, name="take-right"),
    path("credentials", credentials.credentials, name="credentials"),
    path("credentials/new", credentials.add_credential, name="add-credential"),
    path("credentials/<uuid:number>", credentials.credential, name="credential"),
    path("credentials/<uuid:number>/edit", credentials.edit_credential, name="edit-credential"),
    path(
        "credentials/<uuid:number>/rotate", credentials.rotate_credential, name="rotate-credential"
    ),
    path(
        "credentials/<uuid:number>/remove", credentials.remove_credential, name="remove-credential"
    ),
    path("webhooks", webhooks.webhooks, name="webhooks"),
    path("webhooks/switch", webhooks.switch, name="switch-consumer"),
    path("find", find.find, name="find"),
    path("help", preferences.show_help, name="help"),
    path("preferences", preferences.preferences, name="preferences"),
    path("account", account.account, name="account"),
    path("account/tokens/<int:token_id>/revoke", account.revoke, name="revoke-token"),
    path("account/sessions/end-others", account.end_others, name="end-other-sessions"),
    path("account/sessions/<slug:short_id>/end", account.end_session, name="end-session"),
    path("account/notices", notices.notices, name="notices"),
    path("account/notices/new", notices.add_subscription, name="add-subscription"),
    path("account/notices/<uuid:number>", notices.edit_subscription, name="edit-subscription"),
    path(
        "account/notices/<uuid:number>/remove",
        notices.remove_subscription,
        name="remove-subscription",
    ),
    path("account/notices/<uuid:number>/test", notices.test_subscription, name="test-subscription"),
    path("password", sign_in.ChangePassword.as_view(), name="password"),
    path("sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out", sign_in.SignOut.as_view(), name="sign-out"),
]


def own(view: type[View]) -> Callable[..., HttpResponseBase]:
    """Return a page about one's own second factors, as a view."""
    return whole_session(view.as_view(), but=SecondFactorRequired)


# Of allauth only what is used has an address; it finds these by their names.
urlpatterns += [
    path("sign-in", sign_in.SignIn.as_view(), name="account_login"),
    path("sign-in/code", factors.UseFactor.as_view(), name="mfa_authenticate"),
    path("sign-in/provider", provider_pages.sign_in, name="provider-sign-in"),
    path("sign-in/provider/callback", provider_pages.callback, name="provider-callback"),
    path("sign-in/provider/sign-out", provider_pages.sign_out, name="provider-sign-out"),
    path("confirm", own(factors.ConfirmPassword), name="account_reauthenticate"),
    path("confirm/code", own(factors.ConfirmCode), name="mfa_reauthenticate"),
    path("confirm/passkey", own(factors.ConfirmPasskey), name="mfa_reauthenticate_webauthn"),
    path("second-factor", own(factors.Factors), name="mfa_index"),
    path("second-factor/app", own(factors.AddApp), name="mfa_activate_totp"),
    path("second-factor/app/remove", own(factors.RemoveApp), name="mfa_deactivate_totp"),
    path("second-factor/passkeys/add", own(factors.AddPasskey), name="mfa_add_webauthn"),
    path(
        "second-factor/passkeys/<int:pk>/remove",
        own(factors.RemovePasskey),
        name="mfa_remove_webauthn",
    ),
    path(
        "second-factor/recovery-codes", own(factors.RecoveryCodes), name="mfa_view_recovery_codes"
    ),
    path(
        "second-factor/recovery-codes/new",
        own(factors.NewRecoveryCodes),
        name="mfa_generate_recovery_codes",
    ),
]
