"""What the API takes and gives, as pydantic models: the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from jobs.api.fields import ExactMoment

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,63}$")]


class RequestBody(Schema):
    """The body of a request: an unknown member is refused."""

    model_config = ConfigDict(extra="forbid")


class Wanted(RequestBody):
    """The body of POST /api/plan: what would be run. An unknown member is refused."""

    kind: Annotated[str, Field(max_length=100)]
    params: dict[str, Any] = Field(default_factory=dict)


class Submission(Wanted):
    """The body of POST /api/jobs."""

    title: Annotated[str, Field(max_length=300)] | None = Field(
        None, description="One line. If it is left out or empty, the kind provides one."
    )
    labels: dict[Label, Annotated[str, Field(max_length=200)]] = Field(
        default_factory=dict, max_length=32
    )
    start_at: ExactMoment | None = Field(
        None, description="The earliest start; RFC 3339 with an offset."
    )
    allow_past: bool = Field(
        False, description="Start at once if `start_at` is in the past; otherwise that is a 422."
    )
    priority: Annotated[int, Field(ge=-10, le=10)] = Field(
        0,
        description="Of the jobs that wait for the same limit or target, higher ones start first.",
    )


class Reason(RequestBody):
    """The body of POST …/cancel, …/pause and …/resume; it may be left out."""

    reason: Annotated[str, Field(max_length=1000)] = Field(
        default="", description="Why, in a line or two. The log records it with who did it."
    )


class Answer(Reason):
    """The body of POST …/approve and …/reject; it may be left out."""

    gate: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Which gate, if the job waits at several."
    )


class Signal(RequestBody):
    """The body of POST …/signal."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="The signal that the run waits for."
    )
    data: Any = Field(default=None, description="What the run receives: any JSON.")


class Retry(RequestBody):
    """The body of POST …/retry; left out: `{"only": "failed"}`."""

    only: Literal["failed", "all"] = Field(
        default="failed",
        description="`failed`: the targets without success; `all`: the same params.",
    )


class Waiting(Schema):
    """What a waiting job waits for: a target, and the job that has it; or what `for` says."""

    model_config = ConfigDict(populate_by_name=True)

    target: str | None = None
    job: UUID | None = None
    sort: str | None = Field(
        None,
        alias="for",
        description="`timer`, `retry`, `signal` or `approval` where the run itself waits; `limit`: "
        "for its turn; `kind`: for a worker that knows the kind, or another version of it. Newer "
        "servers may add sorts.",
    )
    kind: str | None = Field(None, description="The job's kind, for `limit` and `kind`.")
    versions: list[str] | None = Field(
        None, description="Of `kind`: the versions that cannot go on with the run."
    )
    reason: str | None = Field(None, description="Why they cannot.")
    limit: int | None = None
    name: str | None = Field(None, description="The step or signal.")
    until: str | None = None
    gate: str | None = None
    words: str | None = Field(None, description="The question at the gate.")
    not_by_submitter: bool | None = None


class ForkedFrom(Schema):
    """What a fork goes on from: the job, the last event that it keeps, and that event's hash."""

    job: UUID
    seq: int
    hash: str


class JobOut(Schema):
    """A job. Moments are RFC 3339 in UTC; `done`, `total` and `failed` count the kind's units."""

    id: UUID
    kind: str
    title: str
    status: str
    params: dict[str, Any] | None = Field(description="Null in a brief list, as is the plan.")
    labels: dict[str, Any]
    plan: dict[str, Any] | None
    team: str | None
    submitted_by: str
    imported_at: str | None = Field(
        description="When it was imported: then every actor is one of the service it came from."
    )
    submitted_at: str | None
    start_at: str | None = Field(description="The earliest start that was asked for.")
    priority: int
    started_at: str | None
    finished_at: str | None
    last_at: str | None
    attempt: int
    done: int
    total: int
    failed: int
    head: int
    head_hash: str
    message: str
    waiting_for: list[Waiting]
    retry_of: UUID | None
    forked_from: ForkedFrom | None = Field(
        None, description="What a fork keeps; its job is `retry_of`."
    )
    can: list[str] = Field(
        description="What you may do to the job now: cancel, pause, resume, approve, reject, "
        "retry, fork."
    )
    refused: dict[str, str] = Field(
        description="The open gates at which you may not answer, each with why."
    )


class StepOut(Schema):
    """The newest try of a step. `seconds` of its work; `error` is `{"type", "message"}`."""

    model_config = ConfigDict(populate_by_name=True)

    step: str
    target: str | None
    occurrence: int
    status: str
    tries: int = Field(alias="try")
    attempt: int
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    error: Any
    result: Any


class KeptStepOut(StepOut):
    """A step that a fork does not run again; `kept` is the event of the other job that it was."""

    kept: int


class StateOut(JobOut):
    """A job as its log folds at `seq`; `steps_next` is the `steps_after` of what did not fit."""

    seq: int
    steps: list[KeptStepOut | StepOut]
    steps_next: int | None


class JobsOut(Schema):
    """A page of jobs, newest first; `next` is the `cursor` of the following page.

    What happens to jobs after this answer was made comes in the feed after `position`. `counts` has
    the number of jobs of each status, if asked for; 1000 stands for more as well.
    """

    jobs: list[JobOut]
    next: str | None
    position: int
    counts: dict[str, int] | None = None


class Accepted(Schema):
    """The seq of the event that the call appended."""

    seq: int


class VerdictOut(Schema):
    """What the check of a history came to: `head` and `hash`, or the first bad `seq` and why."""

    ok: bool
    head: int | None = None
    hash: str | None = None
    seq: int | None = None
    reason: str | None = None


class AuditRowOut(Schema):
    """An event in the feed of all jobs; `event` is its exact text, hash and all."""

    position: int
    job: UUID
    job_kind: str
    job_title: str
    job_imported: bool
    event: dict[str, Any]


class AuditOut(Schema):
    """A page of the feed, newest first."""

    events: list[AuditRowOut]
    next: int | None
    previous: int | None
    archived_before: str | None = Field(
        None, description="`2026-10`: events of jobs from before that month are archived."
    )


class TicketOut(Schema):
    """A permit to follow one job, for the address of its streams, until `expires_at`."""

    ticket: str
    expires_at: str


class ErrorPlace(Schema):
    """What is wrong where: `pointer` into the JSON, or `parameter` of the query or path."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Switch(RequestBody):
    """The body of PATCH /api/schedules/<id>."""

    enabled: bool


class ScheduleOut(Schema):
    """A schedule. `failures` in a row, the last at `failed_at` for what `error` says."""

    id: int
    name: str
    kind: str
    params: Any
    title: str
    cron: str
    timezone: str
    enabled: bool
    on_missed: str
    overlap: str
    owner: str
    author: str | None
    changed_by: str | None
    next_run: str | None
    last_run: str | None
    last_job: str | None
    message: str
    failures: int
    failed_at: str | None
    error: str


class SchedulesOut(Schema):
    """Schedules by name; `next` is the `after` of the following page."""

    schedules: list[ScheduleOut]
    next: str | None


class Problem(Schema):
    """RFC 9457. `code` is what a client branches on; the table of codes is in the docs."""

    type: Literal["about:blank"]
    title: str
    status: int
    code: str
    detail: str
    errors: list[ErrorPlace] = Field(default_factory=list)
    retry_after_s: float | None = None
    missing_scope: str | None = Field(
        None, description="With `forbidden`: the scope that the token lacks."
    )


def error_responses(*statuses: int) -> dict[int, type[Schema]]:
    """Return the `response=` entries of an operation's errors, for the OpenAPI document."""
    return dict.fromkeys((400, 401, *statuses), Problem)
