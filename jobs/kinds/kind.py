"""What a job kind is: the model of its parameters, the plan it makes of them, its handler.

A kind is one class in a slice of its own (`jobs/kinds/<kind>/`), whose handler runs against the
durable run API (`jobs.run`). `jobs.kinds.registry` finds the known ones.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, get_origin

from django.conf import settings
from pydantic import BaseModel, ValidationError

from core.config_values import OTHERS, START
from core.errors import InvalidParams
from core.records.pointers import escape_part, join_pointer
from jobs.events.extensions import check_fits
from jobs.run.errors import Diverged
from jobs.secrets import field as secrets

P = TypeVar("P", bound=BaseModel)
Option = str | dict[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Targets that go together: a canary, a batch."""

    name: str
    targets: list[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run means to do, known before it starts: its columns, its rows, and both in words."""

    steps: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    words: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON: `{"steps": […], "groups": [{"name", "targets"}], "words"}`."""
        return asdict(self)


class Kind(ABC, Generic[P]):
    """A job kind. Subclass it, name it, give it `Params` and `run`; the rest has defaults."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str] = ""
    staff_only: ClassVar[bool] = False
    permission: ClassVar[str] = ""  # "jobs.run_command": what it takes besides submitting at all
    max_running: ClassVar[int | None] = None  # how many of its jobs run at once; None: no limit
    max_attempts: ClassVar[int] = 5  # in a row that may end without a word, with their worker
    version: ClassVar[str] = ""  # of its code; unless said, a hash of its package's sources
    exclusive: ClassVar[bool] = True  # whether a job has its `targets` for itself alone
    Params: type[P]

    @abstractmethod
    def run(self, run: Any, params: P) -> Awaitable[Any] | Any:
        """Do the work: `async def` with a `jobs.run.Run`, or plain `def` with a `SyncRun`.

        Returns the job's result (JSON or None). Raises `jobs.run.JobFailed` to fail with a
        sentence; any other exception fails the job too, and is logged.
        """

    def title_for(self, params: P) -> str:
        """Return the title of a job that was given none."""
        return self.title

    def plan(self, params: P) -> Plan:
        """Return what a run with these parameters means to do."""
        return Plan()

    def total(self, params: P) -> int:
        """Return what the run's progress counts to: the targets of the plan, unless said otherwise.

        In the units of `run.progress`; 0 if it shows only later.
        """
        return sum(len(group.targets) for group in self.plan(params).groups)

    def targets(self, params: P) -> list[str]:
        """Return the targets that the job needs for itself alone while it runs."""
        return []

    def settle(self, params: P) -> P:
        """Return the parameters as the job keeps them, for good: selectors replaced by names.

        InvalidParams for what cannot be settled. Called before `check`.
        """
        return params

    def check(self, params: P) -> None:
        """Raise InvalidParams for what the schema cannot say: a server that is not there."""

    def choices(self) -> Mapping[str, Sequence[Option]]:
        """Return, by the name in a field's `x-choices`, what the form offers.

        Texts, or `{"value", "label", "group"}` for options under headings.
        """
        return {}

    def credentials_for(self, params: P) -> Collection[str]:
        """Return the names of credentials that the run asks for by `run.credential`.

        They are checked when the job is submitted; those that `Secret` fields name are in any case.
        """
        return ()

    def named_credentials(self, params: P) -> list[tuple[str, str]]:
        """Return all credentials that a job needs, each with the JSON pointer to its name, if any.

        Those that its targets name are not among them.
        """
        asked = [("", str(name)) for name in self.credentials_for(params)]
        return [*secrets.credential_names(params), *asked]

    def reached_targets(self, params: P) -> set[str]:
        """Return the targets that a job may enter: those that it has to itself, or plans for."""
        groups = self.plan(params).groups
        return {*self.targets(params), *(name for group in groups for name in group.targets)}

    @property
    def claims_targets(self) -> bool:
        """Whether one of its jobs may have to wait for targets that another has."""
        return self.exclusive and type(self).targets is not Kind.targets

    @cached_property
    def has_secrets(self) -> bool:
        """Whether its parameters have fields of the type `jobs.secrets.Secret`."""
        return secrets.has_secret_fields(self.Params)

    @property
    def retryable(self) -> bool:
        """Whether a job can be made of one's failed targets: `retry_params` knows how."""
        return self._targets_field() is not None or (
            type(self).retry_params is not Kind.retry_params
        )

    def retry_params(self, params: P, targets: Collection[str]) -> P:
        """Return the parameters of a job that does again, on these targets alone, what one did.

        Unless a kind says otherwise: the same parameters, with only these left of the list that its
        schema chooses from the targets (`"x-choices": "targets"`).
        """
        field = self._targets_field()
        if field is None:
            raise TypeError(f"The kind {self.name} does not say how its jobs are retried.")
        left = [name for name in getattr(params, field) if name in targets]
        return params.model_copy(update={field: left})

    def read(self, raw: Mapping[str, Any]) -> P:
        """Return parameters that fit the schema; InvalidParams, pointing at what does not."""
        try:
            return self.Params.model_validate(raw)
        except ValidationError as error:
            # pydantic's own words show what was given, which may be a secret.
            raise InvalidParams(_error_pointers(error)) from None

    def read_own(self, raw: Mapping[str, Any]) -> P:
        """Return the parameters that a job has kept: they have been read before."""
        return self.Params.model_validate(raw)

    def parse(self, raw: Mapping[str, Any]) -> P:
        """Return the parameters, checked; InvalidParams, pointing at each that does not fit."""
        params = self.settle(self.read(raw))
        self.check(params)
        check_fits(raw)
        if unfit := list(_unfit_values(params.model_dump(by_alias=True, round_trip=True))):
            raise InvalidParams(unfit)
        return params

    def dump(self, params: P) -> dict[str, Any]:
        """Return the parameters as JSON that `read` takes: named as in the schema, all of them."""
        return params.model_dump(mode="json", by_alias=True, round_trip=True)

    def _targets_field(self) -> str | None:
        """Return the name of the one field that is a list of targets."""
        found = [
            name
            for name, field in self.Params.model_fields.items()
            if isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra.get("x-choices") == "targets"
            and get_origin(field.annotation) is list
        ]
        return found[0] if len(found) == 1 else None


AnyKind = Kind[Any]


def read_begun(kind: AnyKind, raw: Mapping[str, Any]) -> Any:
    """Return the parameters of a run that has begun; Diverged if they do not fit any more."""
    try:
        return kind.read_own(raw)
    except ValidationError as error:
        first = _error_pointers(error)[0]
        said = f"{first['pointer'].lstrip('/')}: {first['detail']}"
        raise Diverged(f"The run cannot go on: its parameters do not fit. {said}.") from None


def plan_job(kind: AnyKind, params: Any) -> Plan:
    """Return the kind's plan, which also says whether somebody has to approve before the start."""
    plan, rules = kind.plan(params), settings.REPRISE.approval_rules(kind.name)
    if START not in rules:
        return plan
    who = "somebody other than the submitter" if OTHERS in rules else "somebody"
    return replace(plan, words=f"{plan.words} Before it starts, {who} has to approve.".strip())


def _error_pointers(error: ValidationError) -> list[dict[str, str]]:
    """Return pydantic's errors as JSON pointers (RFC 6901) and sentences."""
    return [
        {"pointer": join_pointer(item["loc"]), "detail": item["msg"]}
        for item in error.errors(include_url=False, include_input=False)
    ]


def _unfit_values(value: Any, place: str = "") -> Iterator[dict[str, str]]:
    """Yield a pointer and a sentence for each number that JSON, or the log, does not have.

    pydantic makes such of texts (`"inf"`, `"9223372036854775808"`) unless it is strict.
    """
    match value:
        case float() if not math.isfinite(value):
            yield {"pointer": place, "detail": f"Give a finite number, not {value}"}
        case int() if not -(2**63) <= value < 2**63:
            yield {"pointer": place, "detail": "Integers have at most 64 bits"}
        case Mapping():
            for name, each in value.items():
                yield from _unfit_values(each, f"{place}/{escape_part(name)}")
        case list() | tuple() | set() | frozenset():
            for number, each in enumerate(value):
                yield from _unfit_values(each, f"{place}/{number}")
