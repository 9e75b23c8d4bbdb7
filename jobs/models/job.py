"""What Django keeps about jobs beside their events.

A `Job` row is the fold of the job's events (`jobs.events.fold.Summary`), written only by
`jobs.log.append` in the transaction that inserts them; the lease columns belong to
`jobs.queue.leases`. Events themselves are no model: `jobs.log` holds the only SQL on them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import models

from core import clock
from core.ids import uuid7
from core.terminal import reveal
from jobs.events import NewEvent
from jobs.events.fold import Summary
from jobs.models.fields import ExactJSONField
from jobs.models.people import Team
from jobs.models.target_scope import TargetManager

# What is longer is refused where it comes in, also where it is put together of several parts.
MAX_ACTOR = 200
MAX_TARGET = 200
MAX_TITLE = 300


class Target(models.Model):
    """A machine or server that steps act on; `variables` is what its kind of work needs to know."""

    name = models.CharField(max_length=MAX_TARGET, unique=True)
    group = models.CharField(max_length=100, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    transport = models.CharField(max_length=20, default="local")
    address = models.CharField(max_length=500, blank=True)
    variables = models.JSONField(default=dict, blank=True)

    objects = TargetManager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """One run of a job kind; all but the lease is derived from its events."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=100)
    title = models.CharField(max_length=MAX_TITLE)
    params = ExactJSONField()
    labels = models.JSONField(default=dict)
    plan = models.JSONField(default=dict)
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="jobs")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="reprise_jobs"
    )
    submitted_by = models.CharField(max_length=MAX_ACTOR)
    idempotency_key = models.CharField(max_length=200, null=True)
    request_hash = models.BinaryField(null=True)
    retry_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    # {"job", "seq", "hash"}: the event of `retry_of` after which a fork goes on, and its hash.
    forked_from = models.JSONField(null=True)
    # Then its actors are those of the installation that it came from, whatever they are called.
    imported_at = models.DateTimeField(null=True)

    status = models.CharField(max_length=20, default="queued")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    head = models.BigIntegerField(default=0)
    head_hash = models.BinaryField()
    submitted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    message = models.TextField(default="")
    waiting_for = models.JSONField(default=list)
    parked = models.BooleanField(default=False, db_default=False)
    due_at = models.DateTimeField(null=True)
    start_at = models.DateTimeField(null=True)
    priority = models.SmallIntegerField(default=0, db_default=0)

    fence = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, default="")
    delivered_at = models.DateTimeField(null=True)

    # Values of secret parameters, on their way to `jobs.secrets.store`; no column.
    new_secrets: Mapping[str, str] = MappingProxyType({})
    # The credentials that it names, each with a JSON pointer, and the targets that may name some,
    # to be checked when it is submitted; no columns.
    credentials: Sequence[tuple[str, str]] = ()
    reached: Collection[str] = ()
    # Who wrote the schedule that submits it, for its log; no column.
    authors: Sequence[str] = ()
    # The trace that its submission belongs to (W3C), for its log; no column.
    traceparent: str = ""
    # The steps that a fork keeps, for its log; no column.
    kept_steps: Sequence[NewEvent] = ()
    # Why it fails as it is submitted (`jobs.commands.build_refused`); no column.
    refusal: str = ""

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [
            ("submit_job", "Can submit jobs"),
            ("steer_job", "Can stop, pause, resume and retry jobs"),
            ("view_all_jobs", "Can read the jobs of every team"),
            ("run_command", "Can run any command on any target"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="job_idempotency",
            )
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="job_status"),
            models.Index(fields=["kind", "-id"], name="job_kind"),
            models.Index(fields=["team", "-id"], name="job_team"),
            models.Index(
                fields=["lease_until"],
                condition=~models.Q(status__in=["succeeded", "failed", "cancelled"]),
                name="job_unfinished",
            ),
            models.Index(
                fields=["kind", "-priority", "id"],
                condition=~models.Q(status__in=["succeeded", "failed", "cancelled"]),
                name="job_line",
            ),
        ]

    def __str__(self) -> str:
        return f"{reveal(self.title)} ({self.id})"

    @property
    def summary(self) -> Summary:
        """The folded columns, as the fold has them."""
        values = {name: getattr(self, name) for name in Summary.__slots__}
        for name in ("submitted_at", "started_at", "finished_at", "last_at"):
            values[name] = values[name] and clock.rfc3339(values[name])
        values["status"] = self.status if self.head else ""
        values["head_hash"] = bytes(self.head_hash).hex()
        return Summary(**{**values, "waiting_for": tuple(self.waiting_for)})


def stored_value(name: str, value: Any) -> Any:
    """Return a member of a summary as the column of that name keeps it."""
    if name == "head_hash":
        return bytes.fromhex(value)
    if name.endswith("_at"):
        return value and clock.parse(value)
    return list(value) if name == "waiting_for" else value


class Claim(models.Model):
    """A job's claim of a target; `held` once granted. Tickets order them (`jobs.queue.claims`)."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="claims")
    target = models.CharField(max_length=MAX_TARGET)
    ticket = models.BigIntegerField()
    held = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "target"], name="claim_once"),
            models.UniqueConstraint(
                fields=["target"], condition=models.Q(held=True), name="claim_one_holder"
            ),
        ]
        indexes = [models.Index(fields=["target", "ticket"], name="claim_queue")]


class StoredSecret(models.Model):
    """The value of a secret parameter, encrypted with the key `key_id` (`jobs.secrets`)."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="secrets")
    name = models.TextField()
    key_id = models.CharField(max_length=8)
    ciphertext = models.BinaryField()

    class Meta:
        db_table = "jobs_secret"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "name"], name="secret_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.job_id}"

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"secret {self.name}"

    @property
    def context(self) -> bytes:
        """What binds the ciphertext to its place: copied to another job it cannot be opened."""
        return self.job_id.bytes + self.name.encode()


class Snapshot(models.Model):
    """What of a job's state changed up to `seq` since the snapshot before (`jobs.log.snapshots`).

    `summary` and `steps` are JSON as text: jsonb would reorder members and rewrite numbers.
    """

    job = models.UUIDField()
    fold = models.PositiveSmallIntegerField()
    seq = models.BigIntegerField()
    summary = models.TextField()
    steps = models.TextField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "fold", "seq"], name="snapshot_once")]
