"""What a fork goes on from: the log of another job up to an event, proved by that event's hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from core.errors import RepriseError
from jobs import log
from jobs.events import Event, EventType, parse
from jobs.events.kept_steps import kept_copy
from jobs.integrity.chain import Broken, ChainPlace, Sealed, SealedHash, event_of, walk_chain
from jobs.models import SealedHead

PAGE_EVENTS = 1000
_SUBMISSION = frozenset({EventType.JOB_SUBMITTED, EventType.JOB_EXTENDED})


class PrefixChanged(RepriseError):
    """The log of the job that a fork goes on from is not what it was."""

    code = "prefix_changed"
    status = 409


def read_prefix(job_id: UUID, seq: int, digest: str) -> Iterator[str]:
    """Yield the texts of a job's events 1 to `seq`, whose hash is `digest` (hex).

    Raises Broken at the first that was changed, as chain, seals or the digest say, or is missing;
    HistoryExpired where they were archived and the archive is gone.
    """
    place, sealed = ChainPlace.start(job_id), sealed_heads(job_id)
    while place.seq < seq:
        page = log.read(job_id, place.seq, min(PAGE_EVENTS, seq - place.seq))
        if not len(page):
            raise Broken(place.seq + 1, f"Event {place.seq + 1} is missing.")
        texts = page.texts
        place = walk_chain(place, texts, sealed)
        yield from texts
    if place.hash.hex() != digest:
        raise Broken(seq, f"Event {seq} was changed: it has another hash than before.")


def check_prefix(job_id: UUID, forked_from: Mapping[str, Any]) -> None:
    """Raise Broken, with the event of the fork, unless the log that it goes on from is as it was.

    That is: up to the event that the fork names, and with the results that the fork has kept. What
    was archived and is gone is not checked: HistoryExpired.
    """
    try:
        source, seq = UUID(forked_from["job"]), int(forked_from["seq"])
        digest = str(forked_from["hash"])
        kept = {int(event.data["seq"]): event for event in _kept_events(job_id)}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Broken(1, f"The log does not say what the job goes on from: {error!r}.") from error
    try:
        for place, text in enumerate(read_prefix(source, seq, digest), 1):
            if place in kept and _is_copy(kept[place], event_of(place, text)):
                del kept[place]
    except Broken as broken:
        said = f"The log of job {source}, from which it goes on, was changed"
        raise Broken(1, f"{said}: {broken.reason}") from broken
    for event in kept.values():
        raise Broken(event.seq, _not_kept_words(event))


def sealed_heads(job_id: UUID) -> Sealed:
    """Return what the seals say of a job's events, by seq."""
    heads = SealedHead.objects.filter(job=job_id).order_by("seq", "seal_id")
    found = heads.values_list("seq", "seal_id", "hash")
    return {
        seq: tuple(SealedHash(seal, digest) for _seq, seal, digest in same)
        for seq, same in groupby(found, key=itemgetter(0))
    }


def find_fault(job_id: UUID, forked_from: Mapping[str, Any]) -> str:
    """Return why a fork cannot begin, as a sentence; "" if what it goes on from is as it was."""
    try:
        check_prefix(job_id, forked_from)
    except Broken as broken:
        return f"The run cannot begin. {broken.reason}"
    except (RepriseError, OSError) as error:
        said = error.message if isinstance(error, RepriseError) else error
        return f"The run cannot begin: the log that it goes on from cannot be read. {said}"
    return ""


def _kept_events(job_id: UUID) -> Iterator[Event]:
    """Yield the events by which a fork keeps steps; they follow its submission."""
    for page in log.read_history(job_id):
        for event in map(parse, page.texts):
            if event.type == EventType.STEP_KEPT:
                yield event
            elif event.type not in _SUBMISSION:
                return


def _is_copy(kept: Event, ended: Event) -> bool:
    """Return whether a fork has kept what the event that ended a step says."""
    try:
        copy = kept_copy(ended)
    except (KeyError, ValueError):  # it ended no step
        return False
    return (copy.step, copy.target, copy.data) == (kept.step, kept.target, kept.data)


def _not_kept_words(event: Event) -> str:
    return f"Event {event.seq} keeps a step that the job which it goes on from does not have."
