"""What a message says: a line for each notice, with a link to the moment it tells of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from core.terminal import reveal
from core.words import counted
from jobs.models import Job, Notice
from jobs.notices.audience import audience_of
from jobs.notices.outbox import Claimed

WORDS = {
    "failed": "Failed",
    "approval": "Approval wanted",
    "done": "Done",
    "stuck": "Stuck",
    "recovered": "Recovered",
    "test": "Test",
}
TEST = "This is what a notice looks like."
LONGEST_REASON = 200
LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Message:
    """A message: paragraphs, one for each notice, between a subject and what ends it."""

    subject: str
    paragraphs: Sequence[str]
    end: str

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return "\n\n".join([*self.paragraphs, self.end]) + "\n"


def compose_message(claimed: Claimed) -> Message | None:
    """Return the message with what its subscriber may see now; None if that is nothing."""
    audience = audience_of(claimed.subscription)
    told = [one for one in claimed.notices if one.job is None or audience.sees(one.job)]
    if not told:
        return None
    paragraphs = [_paragraph(one) for one in told]
    return Message(_subject(told, paragraphs), paragraphs, _end(claimed))


def _subject(told: Sequence[Notice], paragraphs: Sequence[str]) -> str:
    if len(told) == 1:
        return paragraphs[0].partition("\n")[0][:LONGEST_SUBJECT]
    counts = Counter(one.event for one in told)
    parts = [f"{number:,} {WORDS[word].lower()}" for word, number in counts.items()]
    return f"{counted(len(told), 'notice')}: {', '.join(parts)}"


def _paragraph(one: Notice) -> str:
    if one.job is None:
        return f"{WORDS['test']}: {TEST}"
    job = one.job
    head = f"{WORDS[one.event]}: {_line(job.title)} ({job.kind}{_state(one, job)})"
    if one.targets:
        shown = ", ".join(_line(name) for name in one.targets[:10])
        head += f" on {shown}" + (f" and {len(one.targets) - 10} more" if one.targets[10:] else "")
    reason = _line(job.message)[:LONGEST_REASON] if one.event == "failed" else ""
    lines = [head, reason, f"{settings.REPRISE.public_url}/jobs/{job.pk}?at={one.seq}"]
    return "\n".join(line for line in lines if line)


def _state(one: Notice, job: Job) -> str:
    """Return how the job stands now, where that is not what the notice says."""
    if one.event in {"stuck", "approval"} or (one.event == "done" and job.status != "succeeded"):
        return f", now {job.status}"
    return ""


def _end(claimed: Claimed) -> str:
    lines = [
        f"You get this by “{_line(claimed.subscription.name)}”: "
        f"{settings.REPRISE.public_url}/account/notices",
        f"Notice {claimed.digest.pk}",
    ]
    if claimed.is_repeated:
        lines.append("It was sent before, and may have reached you then.")
    return "\n".join(lines)


def _line(text: str) -> str:
    """Return somebody's text on one line, with what is hidden written out."""
    return " ".join(reveal(text).split())
