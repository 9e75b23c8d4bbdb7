"""Retrying: a new job that does again what another one did, where that did not succeed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Literal
from uuid import UUID

from core.errors import NotNow
from core.terminal import plain_text, reveal
from jobs import commands, log
from jobs.access import run_rights, visibility
from jobs.access.visibility import Principal
from jobs.events import EventType
from jobs.events.fold import SUCCEEDED, TERMINAL, State
from jobs.events.kept_steps import puts_back
from jobs.kinds import registry
from jobs.kinds.kind import AnyKind
from jobs.log.state import state_at
from jobs.models import Job
from jobs.secrets import store

Only = Literal["failed", "all"]


def retry(
    principal: Principal, job_id: UUID, only: Only = "failed", idempotency_key: str | None = None
) -> tuple[Job, bool]:
    """Submit a job that does a job's work again; return it and whether it is new.

    `failed`: on the targets on which that job did not succeed; `all`: with the same parameters. The
    new job has the old one's labels, team and priority, and its title where somebody chose that; it
    is the asker's own. The idempotency key is as that of `commands.submit`.
    Raises NotFound, Forbidden, NotNow (the job is not over, nothing failed, the kind does not know
    how), InvalidParams (what was possible then is not now), IdempotencyConflict.
    """
    old = visibility.job_for(principal, job_id, "steer")
    visibility.require_act(principal, "steer", old)
    visibility.require_act(principal, "submit")
    request = {"retry_of": str(old.pk), "only": only}
    job, new = commands.submit_idempotent(
        principal, request, idempotency_key, lambda: _build_retry(principal, old, only)
    )
    if not new:
        run_rights.require_repeat(principal, job)
    return job, new


def unsuccessful_targets(job: Job) -> list[str]:
    """Return the targets of a job that is over on which it did not succeed, in the plan's order.

    Those that the job says have failed, those on which a step did (unless a later occurrence of it
    succeeded), those that were put back, and those on which not every step of the plan has
    succeeded: never reached, skipped, stopped half-way.
    """
    if job.status == SUCCEEDED:
        return []
    state, blamed = state_at(job.pk), _blamed_targets(job)
    mentioned = {step.target: None for step in state.steps.values() if step.target is not None}
    targets = dict.fromkeys([*planned_targets(job), *mentioned, *blamed])
    well = _succeeded_targets(state, job.plan.get("steps", ()))
    return [target for target in targets if target in blamed or target not in well]


def _build_retry(principal: Principal, old: Job, only: Only) -> Job:
    if old.status not in TERMINAL:
        message = f"The job is {old.status}: it can be retried when it is over."
        raise NotNow(message, job_status=old.status)
    kind = registry.get_kind(old.kind)
    params = old.params if only == "all" else _retry_params(kind, old)
    own = plain_text(str(kind.title_for(kind.read(old.params))))
    title = None if old.title in (own, reveal(own)) else reveal(old.title)
    return build_again(principal, old, params, title)


def build_again(
    principal: Principal,
    old: Job,
    params: Mapping[str, Any],
    title: str | None,
    *,
    with_secrets: bool = True,
) -> Job:
    """Return a job, not stored yet, that does another one's work with these parameters.

    It has that one's kind, labels, team and priority; `with_secrets`: also its secrets, which is
    safe only if the asker has no say in what is done with them. Raises as `commands.build_job`.
    """
    labels = {name: reveal(text) for name, text in old.labels.items()}
    secrets = store.secret_values(old.pk) if with_secrets else None
    return commands.build_job(
        principal, old.kind, params, title, labels, None, old.priority, secrets, old
    )


def _retry_params(kind: AnyKind, old: Job) -> dict[str, Any]:
    """Return the parameters for what did not succeed; NotNow if there is no such."""
    if not kind.retryable:
        message = f"A job of the kind {kind.name} has no list of targets to retry: run it again."
        raise NotNow(message, job_status=old.status)
    targets = unsuccessful_targets(old)
    if not targets:
        raise NotNow("The job succeeded on every target.", job_status=old.status)
    params = kind.retry_params(kind.read(old.params), targets)
    return kind.dump(params)


def planned_targets(job: Job) -> list[str]:
    """Return the targets that a job plans for, in the plan's order, and those that it claims."""
    kind = registry.get_kind(job.kind)
    own = kind.targets(kind.read(job.params))
    groups: list[Mapping[str, Any]] = job.plan.get("groups", [])
    return [*(target for group in groups for target in group["targets"]), *own]


def _blamed_targets(job: Job) -> frozenset[str]:
    """Return the targets that the job's last event names, and those that did not fit into it."""
    found: set[str] = set()
    for seq in range(job.head, 0, -1):
        event = json.loads(log.read(job.pk, seq - 1, 1).texts[0])
        if seq < job.head and event["type"] != EventType.JOB_EXTENDED:
            break
        found.update(event["data"].get("failed_targets") or ())
    return frozenset(found)


def _succeeded_targets(state: State, planned: Collection[str]) -> set[str]:
    """Return the targets on which all is done and stayed so.

    That is every planned step, and of every step the newest occurrence, succeeded.
    """
    newest: dict[str, dict[str, str]] = {}
    for step in state.steps.values():  # occurrences come in order
        if step.target is not None:
            newest.setdefault(step.target, {})[step.step] = step.status
    return {
        target
        for target, steps in newest.items()
        if all(status == SUCCEEDED for status in steps.values())
        and steps.keys() >= set(planned)
        and not any(map(puts_back, steps))
    }
