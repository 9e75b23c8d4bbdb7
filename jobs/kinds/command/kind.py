"""Kind `command`: any command on any targets, a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from core.errors import InvalidParams
from jobs.kinds import Kind, Plan
from jobs.kinds.command.params import CommandParams
from jobs.kinds.command.work import STEP, run_everywhere
from jobs.kinds.kind import Option
from jobs.models import Target
from jobs.run import Run
from jobs.targets import common_selectors, select_targets
from jobs.targets.selectors import GROUP, LABEL

LONGEST_TITLE = 80


class Command(Kind[CommandParams]):
    """Runs one command on targets: canaries first, then batch by batch."""

    name = "command"
    title = "Command"
    description = "Runs any command on any targets, a few at a time."
    permission = "jobs.run_command"
    Params = CommandParams

    def title_for(self, params: CommandParams) -> str:
        """Return "uptime · 12 targets"."""
        said = params.said()
        short = said if len(said) <= LONGEST_TITLE else f"{said[: LONGEST_TITLE - 1]}…"
        course = params.course()
        return f"{short} · {params.targets[0] if len(params.targets) == 1 else course.count()}"

    def settle(self, params: CommandParams) -> CommandParams:
        """Put the targets' names in place of selectors; InvalidParams for what is not there."""
        names = [target.name for target in select_targets(params.targets)]
        return params.model_copy(update={"targets": names})

    def check(self, params: CommandParams) -> None:
        """Raise InvalidParams for an approval that nobody would be asked for."""
        if params.pause_after_canary and not params.canary:
            detail = "Without canaries there is nothing to wait after."
            raise InvalidParams([{"pointer": "/pause_after_canary", "detail": detail}])
        if params.not_by_submitter and not params.pause_after_canary:
            detail = "Nobody is asked: let it wait for approval after the canaries too."
            raise InvalidParams([{"pointer": "/not_by_submitter", "detail": detail}])

    def plan(self, params: CommandParams) -> Plan:
        """Return one step, the groups and the plan in words."""
        course = params.course(by_other=settings.REPRISE.four_eyes)
        return Plan([STEP], course.groups(), course.words())

    def targets(self, params: CommandParams) -> list[str]:
        """Return the targets: nobody else may work on them meanwhile."""
        return params.targets

    def choices(self) -> Mapping[str, list[Option]]:
        """Return the groups and labels that several targets share, and every target."""
        names = Target.objects.order_by("name").values_list("name", flat=True)
        return {
            "targets": [
                *map(_choice_option, common_selectors(least=2)),
                *map(_choice_option, names),
            ]
        }

    async def run(self, run: Run, params: CommandParams) -> dict[str, Any]:
        """Run the command everywhere; JobFailed if it failed anywhere."""
        return await run_everywhere(run, params)


def _choice_option(value: str) -> Option:
    for prefix, heading in ((GROUP, "Groups"), (LABEL, "Labels")):
        if value.startswith(prefix):
            return {"value": value, "label": value.removeprefix(prefix), "group": heading}
    return {"value": value, "label": value, "group": "Targets"}
