"""Rights: what the members of a team may do with jobs of a kind, and on which targets."""

from __future__ import annotations

from django.db import models

from jobs.models.people import Team

ALL = "*"


class Right(models.Model):
    """A team may see, run or approve jobs of a kind on some targets.

    `kind` is a kind's name, `targets` a target's name or what chooses several (`group:eu`,
    `label:role=web`); `*` stands for all of either. Rights count where REPRISE_RIGHTS is `granted`.
    """

    SEE, RUN, APPROVE = "see", "run", "approve"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="rights")
    act = models.CharField(
        max_length=10,
        choices=[(SEE, "see"), (RUN, "run"), (APPROVE, "approve")],
        help_text="Who may run or approve may see, too.",
    )
    kind = models.CharField(max_length=100, default=ALL, help_text="A kind's name, or *.")
    targets = models.CharField(
        max_length=300,
        default=ALL,
        help_text="A target's name, group:NAME, label:NAME=VALUE, label:NAME, or *.",
    )

    class Meta:
        ordering = ["team", "kind", "targets", "act"]
        constraints = [
            models.UniqueConstraint(fields=["team", "act", "kind", "targets"], name="right_once")
        ]

    def __str__(self) -> str:
        return f"{self.team}: {self.words}"

    @property
    def words(self) -> str:
        """What it lets the team do: `run command on group:eu`."""
        kind = "every kind" if self.kind == ALL else self.kind
        return f"{self.act} {kind} on {'every target' if self.targets == ALL else self.targets}"
