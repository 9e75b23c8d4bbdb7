"""Steps of runs as rows, for what is counted over many jobs."""

from __future__ import annotations

from django.db import models

from jobs.models.job import Job


class StepRun(models.Model):
    """A step of a job as its newest event left it: a projection (`jobs.log.step_runs`).

    `target` is "" where there is none; `seconds` of the newest try, once it has ended.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="step_runs")
    step = models.TextField()
    target = models.TextField()
    occurrence = models.PositiveIntegerField()
    status = models.CharField(max_length=20)
    tries = models.PositiveIntegerField()
    seconds = models.FloatField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["job", "step", "target", "occurrence"], name="step_run_once"
            )
        ]
        indexes = [models.Index(fields=["target", "-job"], name="step_run_of_target")]

    def __str__(self) -> str:
        return f"{self.step} of {self.job_id}"
