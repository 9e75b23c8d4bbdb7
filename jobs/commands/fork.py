"""Forking: a new job that keeps what another one has recorded up to an event, and goes on there.

ADR 91. `jobs.events.kept_steps` has the rule of what is kept, `jobs.integrity.prefix` the proof
that it is what was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from core.errors import InvalidParams, NotNow
from core.records.pointers import join_pointer
from core.terminal import plain_text, reveal
from jobs import commands
from jobs.access import run_rights, visibility
from jobs.access.visibility import Principal
from jobs.commands.retry import build_again, planned_targets
from jobs.events import clean, is_quiet, parse, split_hash
from jobs.events.fold import FAILED, SUCCEEDED, TERMINAL
from jobs.events.kept_steps import (
    SKIPPED,
    KeptRow,
    RecordedStep,
    keep_recorded,
    keep_succeeded,
    kept_event,
    puts_back,
    recorded_steps,
)
from jobs.integrity.chain import Broken
from jobs.integrity.prefix import PrefixChanged, read_prefix
from jobs.kinds import registry
from jobs.kinds.guarded_calls import guard_kind
from jobs.models import MAX_TITLE, Job

At = int | Literal["failed"]

_SUFFIX = re.compile(r" from (step .*|the failed steps|event [0-9]+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ForkPlan:
    """What a fork of `job` would keep: all up to the event `seq`, whose hash is `hash` (hex).

    `words` say from where it goes on: "step restart".
    """

    job: Job
    seq: int
    hash: str
    rows: Sequence[KeptRow]
    words: str

    @property
    def kept(self) -> list[RecordedStep]:
        """The steps that are kept, in the order in which they began."""
        return sorted((step for row in self.rows for step in row.kept), key=lambda step: step.began)

    def as_source(self) -> dict[str, Any]:
        """Return what the fork's submission says of it."""
        return {"job": str(self.job.pk), "seq": self.seq, "hash": self.hash}


def fork(
    principal: Principal,
    job_id: UUID,
    at: At = "failed",
    targets: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> tuple[Job, bool]:
    """Submit a job that keeps a job's recorded steps and goes on from there; and whether it is new.

    `at`: the seq up to which results are kept, or "failed": each target goes on from its failed
    step. `targets`: on these alone. `params` replace the members of that job's of the same names;
    with them its secrets have to be given again. It has that job's labels, team and priority.
    Raises NotFound, Forbidden, NotNow (the job is not over, nothing failed, its kind has no list
    of targets), InvalidParams, PrefixChanged, HistoryExpired, IdempotencyConflict.
    """
    old = visibility.job_for(principal, job_id, "steer")
    visibility.require_act(principal, "steer", old)
    visibility.require_act(principal, "submit")
    request = clean({"fork_of": str(old.pk), "at": at, "targets": targets, "params": params})
    keyed = params is not None and commands.has_secrets(old.kind)
    job, new = commands.submit_idempotent(
        principal,
        request,
        idempotency_key,
        lambda: _build_fork(principal, plan_fork(old, at), targets, params),
        keyed,
    )
    if not new:
        run_rights.require_repeat(principal, job)
    return job, new


def plan_fork(old: Job, at: At = "failed") -> ForkPlan:
    """Return what a fork of a job would keep. Raises NotNow, InvalidParams, PrefixChanged."""
    if old.status not in TERMINAL:
        message = f"The job is {old.status}: it can be forked when it is over."
        raise NotNow(message, job_status=old.status)
    if at == "failed" and old.status == SUCCEEDED:
        raise NotNow("The job succeeded: it has no failed step.", job_status=old.status)
    seq = old.head if at == "failed" else at
    if not 1 <= seq <= old.head:
        detail = f"The job has the events 1 to {old.head:,}."
        raise InvalidParams([{"pointer": "/at", "detail": detail}], detail)
    steps, digest = _read_log(old, seq)
    before = [step for step in steps if step.began <= seq]
    rows = keep_succeeded(before) if at == "failed" else keep_recorded(before)
    kept = {step.key for row in rows for step in row.kept}
    again = [step for step in steps if step.key not in kept and _is_work(step)]
    return ForkPlan(old, seq, digest, rows, _starting_point(again, at, seq))


def _read_log(old: Job, seq: int) -> tuple[list[RecordedStep], str]:
    """Return the steps of a whole log, as they stood at `seq`, and the hash there.

    The whole is checked: an event whose hash was made to fit its new text does not fit the next.
    """
    digest, texts = "", []
    try:
        for place, text in enumerate(read_prefix(old.pk, old.head, bytes(old.head_hash).hex()), 1):
            if place == seq:
                digest = split_hash(text)[1]
            if not is_quiet(text):
                texts.append(text)
    except Broken as broken:
        said = f"The log of job {old.pk} was changed, so nothing can go on from it."
        raise PrefixChanged(f"{said} {broken.reason}", seq=broken.seq) from broken
    events = [parse(text) for text in texts]
    there = recorded_steps(event for event in events if event.seq <= seq)
    known = {step.key for step in there}
    later = [step for step in recorded_steps(events) if step.key not in known]
    return [*there, *later], digest


def _is_work(step: RecordedStep) -> bool:
    return not step.asks and not puts_back(step.name) and step.status != SKIPPED


def _starting_point(again: Sequence[RecordedStep], at: At, seq: int) -> str:
    """Return from where a fork goes on, in words; `again` are the steps that it does not keep."""
    failed = {step.name for step in again if at == "failed" and step.status == FAILED}
    if len(failed) > 1:
        return "the failed steps"
    names = failed or [step.name for step in again[:1]]
    return next((f"step {reveal(plain_text(name))}" for name in names), f"event {seq}")


def _build_fork(
    principal: Principal,
    plan: ForkPlan,
    targets: Sequence[str] | None,
    changed: Mapping[str, Any] | None,
) -> Job:
    old = plan.job
    kept = old.params if targets is None else _narrow_params(old, targets)
    params = {**kept, **(changed or {})}
    # With other parameters a secret could be sent elsewhere: then it has to be entered again.
    title, same = _make_title(plan, params), changed is None
    job = build_again(principal, old, params, title, with_secrets=same)
    job.forked_from = plan.as_source()
    gone = _old_targets(old) - set(planned_targets(job))
    job.kept_steps = [kept_event(step) for step in plan.kept if step.key[1] not in gone]
    return job


def _narrow_params(old: Job, targets: Iterable[str]) -> Mapping[str, Any]:
    """Return a job's parameters without other targets; InvalidParams for one that is none."""
    kind = registry.get_kind(old.kind)
    if not kind.retryable:
        message = f"A job of the kind {kind.name} has no list of targets to choose from."
        raise NotNow(message, job_status=old.status)
    known = _old_targets(old)
    wrong = [
        {"pointer": join_pointer(["targets", place]), "detail": "The job has no such target."}
        for place, target in enumerate(targets)
        if target not in known
    ]
    if wrong or not targets:
        detail = "Name at least one target of the job."
        raise InvalidParams(wrong or [{"pointer": "/targets", "detail": detail}])
    with guard_kind(kind.name):
        return kind.dump(kind.retry_params(kind.read(old.params), list(targets)))


def _old_targets(old: Job) -> set[str]:
    """Return the targets that a job planned for, also if its parameters cannot be read today."""
    groups = old.plan.get("groups", [])
    planned = {str(target) for group in groups for target in group["targets"]}
    with suppress(InvalidParams):
        planned.update(planned_targets(old))
    return planned


def _make_title(plan: ForkPlan, params: Mapping[str, Any]) -> str:
    """Return a title, that of the parameters or the one that somebody chose, and from where."""
    old, kind = plan.job, registry.get_kind(plan.job.kind)
    with guard_kind(kind.name):
        title = kind.title_for(kind.read(params))
        chosen = _SUFFIX.sub("", old.title)
        with suppress(InvalidParams):
            own = plain_text(str(kind.title_for(kind.read(old.params))))
            chosen = "" if chosen in (own, reveal(own)) else chosen
    said = f" from {plan.words}"[: MAX_TITLE // 2]
    base = reveal(chosen) or reveal(plain_text(str(title)))
    return f"{base[: MAX_TITLE - len(said)]}{said}"
