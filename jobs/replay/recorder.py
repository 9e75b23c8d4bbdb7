"""Making records of jobs from the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from core.errors import NotFound
from core.records.record import make_header, record_lines
from core.records.redaction import Disclosure, Redaction
from core.version import running_version
from jobs import log
from jobs.integrity.seals.proof import prove_head
from jobs.replay.history import History, parse_history


@dataclass(frozen=True)
class Recorded:
    """A record of a job, and the values that were left out of it."""

    header: dict[str, Any]
    texts: list[str]
    disclosures: list[Disclosure]

    def lines(self) -> Iterator[str]:
        """Yield the record's lines, without line breaks."""
        return record_lines(self.header, self.texts)

    def history(self) -> History:
        """Return the record as it reads; HistoryInvalid if the log is not what was appended."""
        return parse_history(self.lines())


def record_job(
    job_id: UUID,
    redaction: Redaction | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Recorded:
    """Return a record of a job up to the head that it has now.

    Raises NotFound, HistoryExpired if an archive is gone, SealFailed if the seal's rows are not
    what was signed, RedactionRefused if what is to be left out has to stay.
    """
    head = log.read_head(job_id)
    if head is None or head.seq == 0:
        raise NotFound(f"There is no job {job_id}.")
    texts: list[str] = []
    for page in log.read_history(job_id):
        texts += islice(page.texts, head.seq - len(texts))
        on_progress(len(page))
        if len(texts) == head.seq:
            break
    redacted = redaction.apply(texts) if redaction else None
    header = make_header(
        job_id, redacted.texts if redacted else texts, reprise=running_version(),
        redactions=redacted.header if redacted else None, seal=prove_head(job_id, head.seq),
    )  # fmt: skip
    if redacted is None:
        return Recorded(header, texts, [])
    return Recorded(header, redacted.texts, redacted.disclosures)
