"""Kind `command`: any command on any targets, a few at a time; a rollout of one step on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings

from core.config_values import OTHERS
from core.db import read_in_thread
from core.errors import InvalidParams
from core.words import counted
from jobs.kinds import Kind, Plan
from jobs.kinds.batches import names_in_words
from jobs.kinds.command.params import CommandParams
from jobs.kinds.kind import Option
from jobs.models import Target
from jobs.run import Cancelled, JobFailed, Outcome, Retry, Run, Step, Stopped
from jobs.secrets.stores.errors import StoreUnreachable
from jobs.targets import common_selectors, select_targets
from jobs.targets.selectors import GROUP, LABEL
from jobs.transports.errors import TransportError
from jobs.transports.run_command import CommandFailed, command, status_words
from jobs.transports.ssh.command_line import SHELLS_OWN

STEP = "run"
HEEDED = SHELLS_OWN | {"BASH_ENV", "ENV"}
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
            detail = "Nobody is asked to approve. Also let it wait for approval after the canaries."
            raise InvalidParams([{"pointer": "/not_by_submitter", "detail": detail}])
        if taken := [name for name in params.secrets if _is_taken(name)]:
            detail = f"{taken[0]} is not free: it steers how the command is run."
            raise InvalidParams([{"pointer": f"/secrets/{taken[0]}", "detail": detail}])

    def plan(self, params: CommandParams) -> Plan:
        """Return one step, the groups and the plan in words."""
        course = params.course(by_other=OTHERS in settings.REPRISE.approval_rules(self.name))
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
        targets = await read_in_thread(_load_targets, params.targets)
        if gone := [name for name in params.targets if name not in targets]:
            raise JobFailed(f"No longer in the inventory: {names_in_words(gone)}.", gone)
        worth_another = (CommandFailed, TransportError, TimeoutError, StoreUnreachable)
        retry = Retry(tries=params.retries + 1, on=worth_another)

        async def run_on(name: str) -> None:
            step = partial(_run_step, targets[name], params)
            await run.step(STEP, step, target=name, timeout=params.timeout_s, retry=retry)

        try:
            outcome = await run.rollout(
                params.targets,
                run_on,
                batch=params.batch,
                canary=params.canary,
                max_failures=params.max_failures,
                pause_after_canary=params.pause_after_canary,
                not_by_submitter=params.not_by_submitter,
                steps=[STEP],
            )
        except Stopped as stop:
            raise Cancelled(f"Stopped on request. {_success_message(stop.outcome)}") from None
        if outcome.failed:
            raise JobFailed(_failure_message(outcome), outcome.failed)
        return {"message": _success_message(outcome)}


def _is_taken(variable: str) -> bool:
    """Return whether a shell, the loader or this service heeds a variable."""
    return variable in HEEDED or variable.startswith(("LD_", "REPRISE_"))


def _choice_option(value: str) -> Option:
    for prefix, heading in ((GROUP, "Groups"), (LABEL, "Labels")):
        if value.startswith(prefix):
            return {"value": value, "label": value.removeprefix(prefix), "group": heading}
    return {"value": value, "label": value, "group": "Targets"}


async def _run_step(target: Target, params: CommandParams, step: Step) -> None:
    env = {name: step.reveal(secret) for name, secret in params.secrets.items()}
    try:
        await command(target, params.argv(), step, env=env)
    except CommandFailed as failure:
        raise _with_status(failure) from failure


def _with_status(failure: CommandFailed) -> CommandFailed:
    """Return the failure with its exit status said, which its own last line may not do."""
    if failure.status is None or (said := str(failure)) == status_words(failure.status):
        return failure
    return CommandFailed(f"{status_words(failure.status)}: {said}", failure.status)


def _failure_message(outcome: Outcome) -> str:
    began = "The run stopped: it" if outcome.skipped else "It"
    failed = f"{began} failed on {len(outcome.failed)} of {counted(len(outcome.targets), 'target')}"
    return f"{failed}: {names_in_words(outcome.failed)}. {_success_message(outcome)}"


def _success_message(outcome: Outcome) -> str:
    targets = counted(len(outcome.targets), "target")
    return f"It succeeded on {len(outcome.done)} of {targets}."


def _load_targets(names: Sequence[str]) -> dict[str, Target]:
    return {target.name: target for target in Target.objects.filter(name__in=names)}
