"""Submit a job: one transaction and at least one event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from core import clock, tracing
from core.errors import BadRequest, IdempotencyConflict, InvalidParams
from core.records.pointers import join_pointer
from core.terminal import hidden_words, plain_text, reveal
from core.tracing import Span
from jobs import log
from jobs.access import credentials, run_rights, visibility
from jobs.access.rights import are_granted, planned_targets
from jobs.access.visibility import Principal
from jobs.commands import quotas
from jobs.events import EventType, NewEvent, clean, extensions
from jobs.kinds import Plan, registry
from jobs.kinds.guarded_calls import guard_kind
from jobs.kinds.kind import plan_job
from jobs.models import MAX_ACTOR, MAX_TARGET, MAX_TITLE, Job, Team
from jobs.queue import dispatch
from jobs.secrets import field, keys, store

MAX_KEY = 200
MAX_PRIORITY = 10
# A start this long ago is still taken for now: clocks differ, and requests take their time.
PAST_SECONDS = 60.0
# Steps of a fork in one append, which takes 10 MiB at most.
KEPT_AT_ONCE = 100


def submit(
    principal: Principal,
    kind: str,
    params: Mapping[str, Any],
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
    start_at: datetime | None = None,
    priority: int = 0,
    allow_past: bool = False,
) -> tuple[Job, bool]:
    """Submit a job; return it and whether it is new.

    It does not start before `start_at`, which may lie in the past only if `allow_past`; of the jobs
    that wait for the same, those of a higher `priority` (-10 to 10) come first. With an idempotency
    key (unique per user) the same request again returns the first one's job.
    Raises Forbidden, InvalidParams, IdempotencyConflict (the key, but another request), BadRequest.
    """
    visibility.require_act(principal, "submit")  # also to be told of the job that a key has made
    principal.scope.require_kind(kind)
    request = clean({"kind": kind, "params": params, "title": title, "labels": labels or {}})
    request |= {"start_at": clock.rfc3339(start_at)} if start_at else {}
    request |= {"priority": priority} if priority else {}

    def make() -> Job:
        if start_at and not allow_past:
            _refuse_past(start_at)
        return build_job(principal, **request)

    keyed = has_secrets(kind, params)
    job, new = submit_idempotent(principal, request, idempotency_key, make, keyed)
    if not new:
        run_rights.require_repeat(principal, job)
    return job, new


def has_secrets(kind: str, params: Mapping[str, Any] | None = None) -> bool:
    """Return whether these parameters have values of secrets, or cannot be read for any.

    Without them: whether jobs of this kind may have any.
    """
    found = registry.find_kind(kind)
    with guard_kind(kind):
        if found is None or not found.has_secrets or params is None:
            return found is not None and found.has_secrets
        try:
            return field.has_values(found.read(params))
        except InvalidParams:
            return True


def submit_idempotent(
    principal: Principal,
    request: object,
    key: str | None,
    make: Callable[[], Job],
    keyed: bool = False,
) -> tuple[Job, bool]:
    """Submit the job that `make` returns; return it and whether it is new.

    With a key the same request (JSON) again returns the first one's job, and nothing is made.
    `keyed`: what is kept of the request, to compare, must not give away secrets that are in it.
    Raises IdempotencyConflict, BadRequest, OverLimit, and what `make` raises.
    """
    digests = _request_digests(request, keyed=keyed)
    if earlier := _find_earlier(principal, key, digests):
        return earlier, False  # whatever has changed since: what was asked for is under way
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise BadRequest(f"An idempotency key has 1 to {MAX_KEY} characters.")
    with tracing.span("submit", kind=tracing.PRODUCER) as span:
        return _store_job(principal, make(), key, digests, span)


def _store_job(
    principal: Principal, job: Job, key: str | None, digests: list[bytes], span: Span
) -> tuple[Job, bool]:
    """Store a job with its first events, and deliver it; the earlier one if there is one by now."""
    span.note(job=str(job.pk), kind=job.kind)
    job.traceparent = span.traceparent or tracing.current_traceparent()
    credentials.require_usable(job.team, job.owner, job.credentials, job.reached)
    job.idempotency_key, job.request_hash = key, digests[0]
    try:
        with transaction.atomic():
            if not job.refusal:
                quotas.require_room(job)
            job.save(force_insert=True)
            store.save_secrets(job.pk, job.new_secrets)
            log.append(job.pk, _submission_events(job), actor=principal.actor)
            for place in range(0, len(job.kept_steps), KEPT_AT_ONCE):
                kept = job.kept_steps[place : place + KEPT_AT_ONCE]
                log.append(job.pk, kept, actor=principal.actor)
            _deliver_or_end(job)
    except IntegrityError:
        earlier = _find_earlier(principal, key, digests)
        if earlier is None:
            raise
        return earlier, False
    job.refresh_from_db()
    return job, True


def build_job(
    principal: Principal,
    kind: str,
    params: Mapping[str, Any],
    title: str | None,
    labels: Mapping[str, str],
    start_at: str | None = None,
    priority: int = 0,
    secrets: Mapping[str, str] | None = None,
    retry_of: Job | None = None,
) -> Job:
    """Return the job that somebody wants, not stored yet.

    `secrets` are those that the params refer to, where these are another job's; a retry is one of
    that job's team. Raises Forbidden, InvalidParams, BadRequest, KindFailed.
    """
    found = run_rights.kind_to_run(principal, kind)
    if not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
        raise BadRequest(f"A priority is from -{MAX_PRIORITY} to {MAX_PRIORITY}.")
    old_team = retry_of.team_id if retry_of else None
    with run_rights.known_targets(principal, kind, old_team), guard_kind(kind):
        parsed = found.parse(params)
        hidden = field.take_secrets(parsed, secrets)
        kept = found.dump(parsed)
        settled = found.read(kept)  # what selectors stand for has to fit the schema too
        plan, total = clean(plan_job(found, parsed).as_dict()), int(found.total(settled))
        title = plain_text((title or "").strip()) or reveal(
            plain_text(str(found.title_for(parsed)))
        )
        claimed = found.targets(parsed)
        named, reached = found.named_credentials(parsed), found.reached_targets(parsed)
    title = title.replace("\n", " ")
    _require_visible(title, labels)
    _require_lengths(principal.actor, title, claimed)
    targets = planned_targets(plan, claimed)
    if retry_of:
        team = retry_of.team
        run_rights.require_team(principal, team, kind, targets)
    else:
        team = run_rights.team_to_run(principal, kind, targets, params)
    job = _new_job(principal, team, kind=found.name, title=title, params=kept, labels=labels)
    job.retry_of = retry_of
    job.plan, job.total, job.priority = plan, total, priority
    job.start_at = clock.parse(start_at) if start_at else None
    job.new_secrets = hidden
    job.credentials, job.reached = named, reached
    return job


def build_refused(
    principal: Principal,
    kind: str,
    params: Mapping[str, Any],
    labels: Mapping[str, str],
    *,
    title: str,
    reason: str,
) -> Job:
    """Return a job that fails as it is submitted, for its log: what was asked for, and why not."""
    team = visibility.team_for(principal)
    if are_granted() and len(principal.team_ids) > 1:
        team = None  # whose targets these are is not known: the job stays its owner's
    values = {"kind": kind, "title": title[:MAX_TITLE], "params": params, "labels": labels}
    job = _new_job(principal, team, **values)
    job.plan, job.refusal = Plan().as_dict(), reason
    return job


def _new_job(principal: Principal, team: Team | None, **values: Any) -> Job:
    """Return a job of somebody's and of a team of theirs, not stored yet."""
    owner, actor = principal.user, principal.actor
    return Job(team=team, owner=owner, submitted_by=actor, head_hash=b"", **values)


def _require_visible(title: str, labels: Mapping[str, str]) -> None:
    """Raise InvalidParams for a title or a label with characters that are not visible."""
    texts = [("/title", title)]
    texts += [(join_pointer(["labels", name]), text) for name, text in labels.items()]
    wrong = [
        {"pointer": pointer, "detail": words}
        for pointer, text in texts
        if (words := hidden_words(text, kept="\t"))
    ]
    if wrong:
        raise InvalidParams(wrong)


def _require_lengths(actor: str, title: str, targets: Iterable[str]) -> None:
    """Raise InvalidParams for what has become too long for its column where it was put together."""
    longest = max(targets, key=len, default="")
    for pointer, what, text, most in (
        ("", "Who submits", actor, MAX_ACTOR),
        ("/title", "The title", title, MAX_TITLE),
        ("", "A target's name", longest, MAX_TARGET),
    ):
        if len(text) > most:
            detail = f"{what} has {len(text)} characters, {most} at most are kept: {text[:40]}…"
            raise InvalidParams([{"pointer": pointer, "detail": detail}], detail)


def _deliver_or_end(job: Job) -> None:
    """Deliver a job that was just submitted, park it until its start, or end it."""
    if job.refusal:
        failed = NewEvent(EventType.JOB_FAILED, {"message": job.refusal})
        log.append(job.pk, [failed], actor="system")
        return
    if job.start_at and job.start_at > clock.now():
        log.append(job.pk, [_start_event(job.start_at)], actor="system")
    dispatch.deliver_job(job.pk, job.start_at, job.priority)


def _submission_events(job: Job) -> list[NewEvent]:
    data = {
        "kind": job.kind,
        "title": job.title,
        "params": job.params,
        "labels": job.labels,
        "plan": job.plan,
        "team": job.team.slug if job.team else None,
        "total": job.total,
        "retry_of": str(job.retry_of_id) if job.retry_of_id else None,
    }
    data |= {"forked_from": job.forked_from} if job.forked_from else {}
    data |= {"start_at": clock.rfc3339(job.start_at)} if job.start_at else {}
    data |= {"priority": job.priority} if job.priority else {}
    data |= {"authors": list(job.authors)} if job.authors else {}
    data |= {"traceparent": job.traceparent} if job.traceparent else {}
    return extensions.submission_events(data)


def _refuse_past(start_at: datetime) -> None:
    if start_at < clock.now() - timedelta(seconds=PAST_SECONDS):
        detail = f"{clock.rfc3339(start_at)} is in the past: send `allow_past` to start at once."
        raise InvalidParams([{"pointer": "/start_at", "detail": detail}], detail)


def _start_event(start_at: datetime) -> NewEvent:
    """Return the event that parks a job which is to start later."""
    wait = {"for": "timer", "name": "start", "until": clock.rfc3339(start_at)}
    return NewEvent(EventType.JOB_WAITING, {"for": "timer", "waits": [wait], "count": 1})


def _request_digests(request: object, *, keyed: bool) -> list[bytes]:
    """Return what to keep of a request, and what else may have been kept of the same."""
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=False).encode()
    if not keyed:
        return [hashlib.sha256(canonical).digest()]
    newest = keys.newest_key()
    return [key.digest(canonical) for key in (newest, *keys.key_ring())]


def _find_earlier(principal: Principal, key: str | None, digests: list[bytes]) -> Job | None:
    """Return the job that this key made; IdempotencyConflict where for another request.

    That of another team is one, for a token that is for one team.
    """
    if key is None:
        return None
    job = Job.objects.filter(owner=principal.user, idempotency_key=key).first()
    if job is None:
        return None
    same = bytes(job.request_hash or b"") in digests
    if not same or not principal.scope.covers(job.kind, job.team_id):
        raise IdempotencyConflict
    return job
