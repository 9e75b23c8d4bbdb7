"""One moment of a schedule: its job is submitted, or one that has failed says why not."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import (
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    transaction,
)
from django.db.models.functions import Now

from core import clock
from core.errors import (
    BadRequest,
    Forbidden,
    IdempotencyConflict,
    InvalidParams,
    RepriseError,
    storable_text,
)
from core.user_code import describe_error
from jobs import commands
from jobs.access.rights import targets_of
from jobs.access.run_rights import refuse_for
from jobs.access.visibility import Principal, of_user
from jobs.events import clean
from jobs.events.fold import TERMINAL
from jobs.kinds import registry
from jobs.kinds.guarded_calls import PATIENCE_SECONDS, KindFailed, ask_kind
from jobs.log.sql import fetch_rows
from jobs.models import Job, Schedule

logger = logging.getLogger(__name__)

MAX_MESSAGE = 500
MAX_SHOWN = 16 * 1024


@dataclass(frozen=True, slots=True)
class Firing:
    """A schedule's moment that has come; the row goes on to `after`, or nowhere.

    Its kind has `patience` seconds for each answer.
    """

    schedule: Schedule
    at: datetime
    after: datetime | None
    patience: float = PATIENCE_SECONDS

    def submit_or_note(self, *, late: bool) -> bool:
        """Submit the job of the moment, or note why not; return whether it was submitted."""
        schedule = self.schedule
        if late and schedule.on_missed == Schedule.SKIP:
            return self._leave_out("no sweeper was running at that time")
        last = schedule.last_job
        if schedule.overlap == Schedule.SKIP and last and last.status not in TERMINAL:
            return self._leave_out(f"job {last.pk} has not ended")
        try:
            job = self._build_job()
            return self._submit_once(job, last_run=self.at, message="", error="", failures=0)
        except IdempotencyConflict:
            return self._leave_out("this moment has had its job")
        except InvalidParams as error:
            places = "" if error.named else f" {error.places()}"
            return self.note_failure(f"{error.message}{places}")
        except RepriseError as error:
            return self.note_failure(error.message)

    def note_failure(self, reason: str) -> bool:
        """Note that the moment has failed, at the schedule and as a job; return False."""
        schedule, error = self.schedule, storable_text(f"Not submitted: {reason}")[:MAX_MESSAGE]
        logger.warning("schedule %s: %s", schedule.name, error, extra={"action": "schedule"})
        noted = {"message": error, "error": error, "failures": schedule.failures + 1}
        try:
            self._submit_once(self._build_refused(error), failed_at=Now(), **noted)
        except (RepriseError, DataError, IntegrityError):
            logger.exception("schedule %s has no job", schedule.name, extra={"action": "schedule"})
            self._move_row(failed_at=Now(), **noted)
        return False

    @property
    def _principal(self) -> Principal:
        return Principal(self.schedule.owner, f"schedule:{self.schedule.name}")

    @property
    def _request(self) -> dict[str, Any]:
        schedule = self.schedule
        labels = {"schedule": schedule.name}
        title = schedule.title or None
        return {"kind": schedule.kind, "params": schedule.params, "title": title, "labels": labels}

    def _build_job(self) -> Job:
        """Return the job as its kind wants it: this calls code that may do anything."""
        schedule = self.schedule
        if not schedule.owner.is_active:
            name = schedule.owner.get_username()
            raise Forbidden(f"The owner, {name}, is no longer active.")
        _require_right(schedule.owner, schedule.kind, ())
        try:
            return ask_kind(schedule.kind, self._build_allowed, self.patience)
        except (OperationalError, InterfaceError) as error:
            database_now()  # the same, where it is our database that is away
            raise KindFailed(f"The kind {schedule.kind} failed: {describe_error(error)}") from error

    def _build_allowed(self) -> Job:
        """Return the job; Forbidden where who wrote the schedule may not run it any longer."""
        job = commands.build_job(self._principal, **clean(self._request))
        for user in self._writers:
            _require_right(user, job.kind, targets_of(job))
        return job

    @property
    def _writers(self) -> list[User]:
        return [user for user in (self.schedule.author, self.schedule.changed_by) if user]

    def _build_refused(self, reason: str) -> Job:
        """Return the failed job that says why, with the params where they can be shown."""
        schedule, params = self.schedule, dict[str, Any]()
        if registry.find_kind(schedule.kind) is not None and not self._has_secrets():
            params = _storable_params(schedule.params)
        return commands.build_refused(
            self._principal,
            schedule.kind,
            params,
            self._request["labels"],
            title=schedule.title or schedule.name,
            reason=reason,
        )

    def _submit_once(self, job: Job, **changes: Any) -> bool:
        """Submit a job under the moment's key and move the row on; False if another has."""
        job.authors = list(dict.fromkeys(of_user(user).actor for user in self._writers))
        key = f"schedule:{self.schedule.pk}:{clock.rfc3339(self.at)}"
        keyed = bool(job.new_secrets) or (bool(job.refusal) and self._has_secrets())
        with transaction.atomic():
            if not self._lock_row():
                return False
            last, new = commands.submit_idempotent(
                self._principal, self._request, key, lambda: job, keyed
            )
            self._move_row(last_job=last, **changes)
        return new

    def _has_secrets(self) -> bool:
        """Return whether the params may have values of secrets: where its kind does not say no."""
        kind, params = self.schedule.kind, self.schedule.params
        found = registry.find_kind(kind)
        if found is None or not found.has_secrets:
            return False
        try:
            return ask_kind(kind, partial(commands.has_secrets, kind, params), self.patience)
        except (RepriseError, Error):
            return True

    def _leave_out(self, why: str) -> bool:
        schedule, message = self.schedule, f"Left out {clock.rfc3339(self.at)}: {why}."
        logger.warning("schedule %s: %s", schedule.name, message, extra={"action": "schedule"})
        self._move_row(message=message)
        return False

    def _lock_row(self) -> bool:
        """Lock the row; False if another sweeper has it or had it, or it has been changed."""
        rows = Schedule.objects.select_for_update(skip_locked=True, no_key=True)
        schedule = self.schedule
        return bool(rows.filter(pk=schedule.pk, enabled=True, next_run=schedule.next_run).first())

    def _move_row(self, **changes: Any) -> None:
        rows = Schedule.objects.filter(pk=self.schedule.pk, next_run=self.schedule.next_run)
        rows.update(next_run=self.after, **changes)


def _require_right(user: User, kind: str, targets: Collection[str]) -> None:
    if why := refuse_for(of_user(user), kind, targets):
        raise Forbidden(why)


def _storable_params(params: object) -> dict[str, Any]:
    """Return params as an event takes them; none where it would not."""
    try:
        found = clean(params)
    except BadRequest:
        return {}
    return found if isinstance(found, dict) and len(json.dumps(found)) <= MAX_SHOWN else {}


def database_now() -> datetime:
    """Return the time by the database's clock. Raises if the database is away."""
    now: datetime = fetch_rows("select clock_timestamp()")[0][0]
    return now
