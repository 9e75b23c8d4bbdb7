"""What Django keeps about jobs beside their events.

A `Job` row is the fold of the job's events (`jobs.events.fold.Summary`), written only by
`jobs.log.append` in the transaction that inserts them; the lease columns belong to
`jobs.queue.leases`. Events themselves are no model: `jobs.log` holds the only SQL on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.conf import settings
from django.db import models

from core.ids import uuid7
from jobs.models.fields import ExactJSONField

# What is longer is refused where it comes in, also where it is put together of several parts.
MAX_ACTOR = 200
MAX_TARGET = 200
MAX_TITLE = 300


class Team(models.Model):
    """The people who share jobs: an operator sees and steers the jobs of their teams."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="reprise_teams", blank=True
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SignInAttempts(models.Model):
    """Failed sign-ins, and when the next attempt may be made (`jobs.access.throttle`).

    The key says who: an HMAC over a name and an address, an address, or a browser.
    """

    key = models.CharField(primary_key=True, max_length=64)
    attempts = models.FloatField(default=0)  # less what has drained by `last_at`
    last_at = models.DateTimeField()
    free_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key


class Target(models.Model):
    """A machine or server that steps act on; `variables` is what its kind of work needs to know."""

    name = models.CharField(max_length=MAX_TARGET, unique=True)
    group = models.CharField(max_length=100, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    transport = models.CharField(max_length=20, default="local")
    address = models.CharField(max_length=500, blank=True)
    variables = models.JSONField(default=dict, blank=True)

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
        return f"{self.title} ({self.id})"


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


class Schedule(models.Model):
    """A job that the clock submits (`jobs.schedules`), as its owner.

    `message` says why the last moment has none. `failures` counts those in a row that failed, the
    last at `failed_at` for what `error` says.
    """

    SKIP, ONCE, QUEUE = "skip", "once", "queue"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=100)
    params = ExactJSONField(default=dict, blank=True)
    title = models.CharField(max_length=300, blank=True)
    cron = models.CharField(max_length=100, help_text="minute hour day month weekday")
    timezone = models.CharField(max_length=64, default="UTC", help_text="Europe/Berlin")
    enabled = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reprise_schedules"
    )
    on_missed = models.CharField(
        max_length=10,
        default=SKIP,
        choices=[(SKIP, "leave it out"), (ONCE, "run once, late")],
        help_text="When nobody was there to fire it in time.",
    )
    overlap = models.CharField(
        max_length=10,
        default=SKIP,
        choices=[(SKIP, "leave it out"), (QUEUE, "submit it all the same")],
        help_text="When its last job has not ended yet.",
    )
    last_run = models.DateTimeField(null=True, editable=False)
    next_run = models.DateTimeField(null=True, editable=False, db_index=True)
    last_job = models.ForeignKey(
        Job, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    message = models.TextField(default="", editable=False)
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    error = models.TextField(default="", db_default="", editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A bearer token, stored as its SHA-256 (the raw text is shown once, when it is made)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reprise_tokens"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


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


class Consumer(models.Model):
    """How far in the feed a named reader has come (`jobs.feed.consumers`); `failures` in a row.

    `left_out` counts the events that its handler gave up, for what `error` says of the last.
    """

    name = models.CharField(max_length=100, primary_key=True)
    enabled = models.BooleanField(default=True, db_default=True)
    left_out = models.BigIntegerField(default=0, db_default=0)
    position = models.BigIntegerField(default=0)
    busy_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class Duty(models.Model):
    """A duty of the sweeper (`jobs.queue.maintenance`): when it last succeeded.

    `every`: seconds between two passes. `failures` in a row, the last for what `error` says.
    """

    name = models.CharField(max_length=100, primary_key=True)
    every = models.FloatField()
    done_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(default="")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class Seal(models.Model):
    """A signed digest of the heads that moved since the seal before (`jobs.integrity.seals`)."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"seal {self.number}"


class SealedHead(models.Model):
    """One head that a seal vouches for."""

    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="heads")
    job = models.UUIDField()
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        # Two seals may have the same head: one of them may have been without its row for a time.
        constraints = [
            models.UniqueConstraint(fields=["job", "seq", "seal"], name="sealed_once_by_each")
        ]


class Archive(models.Model):
    """A month's events in a file of the archive storage (`jobs.archive`).

    `seals` names the file beside it with the seals of its jobs, "" where there is none. A month
    that gets jobs after it was dropped (by imports) may have several.
    """

    month = models.DateField()
    name = models.CharField(max_length=300, unique=True)
    seals = models.CharField(max_length=300, default="")
    jobs = models.BigIntegerField()
    events = models.BigIntegerField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class ArchivedRange(models.Model):
    """Where in an archive a job's events `first`..`last` are: one compressed frame."""

    archive = models.ForeignKey(Archive, on_delete=models.CASCADE, related_name="ranges")
    job = models.UUIDField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    offset = models.BigIntegerField()
    length = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "first"], name="archived_once")]
