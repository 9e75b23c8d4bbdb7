"""Job kinds: what a kind is, and where the known ones are found.

A kind is one class in a slice of its own (`jobs/kinds/<kind>/`): the model of its parameters, the
plan it makes of them, and the handler that runs it against the durable run API (`jobs.run`).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property, wraps
from typing import Any, ClassVar, Generic, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from core.errors import InvalidParams
from core.user_code import (
    KindFault,
    contained,
    describe,
)
from jobs.events.extensions import check_fits
from jobs.kinds import storable_values
from jobs.kinds.discovery import sources
from jobs.secrets import field as secrets

logger = logging.getLogger(__name__)

MAX_NAME = 100  # as `Job.kind` keeps it
P = TypeVar("P", bound=BaseModel)
Option = str | dict[str, str]

# What the service asks of a kind, in its own processes: an exit there must not end these.
ASKED = (
    "choices", "check", "parse", "plan", "read", "read_own", "retry_params", "settle", "targets",
    "title_for", "total",
)  # fmt: skip
# What a kind says of itself, and what that must be.
SAID: Mapping[str, tuple[type, ...]] = {
    "name": (str,), "title": (str,), "description": (str,), "permission": (str,),
    "staff_only": (bool,), "exclusive": (bool,), "max_running": (int, type(None)),
    "max_attempts": (int,),
}  # fmt: skip


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

        In the units of `run.progress`; 0 where it shows only later.
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

    @property
    def claims_targets(self) -> bool:
        """Whether one of its jobs may have to wait for targets that another has."""
        return self.exclusive and type(self).targets is not Kind.targets

    @cached_property
    def has_secrets(self) -> bool:
        """Whether its parameters have fields of the type `jobs.secrets.Secret`."""
        return secrets.asks(self.Params)

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
            raise InvalidParams(_pointers(error)) from error

    def read_own(self, raw: Mapping[str, Any]) -> P:
        """Return the parameters that a job has kept: they have been read before."""
        return self.Params.model_validate(raw)

    def parse(self, raw: Mapping[str, Any]) -> P:
        """Return the parameters, checked; InvalidParams, pointing at each that does not fit."""
        params = self.settle(self.read(raw))
        self.check(params)
        check_fits(raw)
        if unfit := storable_values.unfit(params.model_dump(by_alias=True, round_trip=True)):
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


@dataclass(frozen=True, slots=True)
class Broken:
    """A kind that is named somewhere and cannot be used; `id` is that of the system check."""

    source: str
    reason: str
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """The kinds by name, and what is none."""

    kinds: dict[str, AnyKind] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)


@cache
def _kinds() -> Found:
    found, origins = Found(), dict[str, str]()
    for source, load in sources():
        try:
            with contained():
                kind = _made(load())
        except Exception as error:  # noqa: BLE001 - somebody else's module may raise whatever it likes
            words = error.words if isinstance(error, KindFault) else describe(error)
            wrong = Broken(source, str(words), "jobs.E001")
        else:
            if kind.name not in found.kinds:
                found.kinds[kind.name], origins[kind.name] = kind, source
                continue
            reason = f"its name {kind.name!r} is taken by {origins[kind.name]}"
            wrong = Broken(source, reason, "jobs.E002")
        logger.error("job kind %s left out: %s", wrong.source, wrong.reason)
        found.broken.append(wrong)
    return found


def _made(loaded: object) -> AnyKind:
    """Return a kind of a class; TypeError, ValueError where it is none."""
    if not (isinstance(loaded, type) and issubclass(loaded, Kind)):
        raise TypeError(f"{loaded!r} is no subclass of jobs.kinds.registry.Kind")
    for attribute in ("name", "title", "Params"):
        if not getattr(loaded, attribute, None):
            raise ValueError(f"it has no {attribute}")
    for attribute, types in SAID.items():
        if not isinstance(value := getattr(loaded, attribute), types):
            raise TypeError(f"its {attribute} is a {type(value).__name__}")
    if len(loaded.name) > MAX_NAME:
        raise ValueError(f"its name has more than {MAX_NAME} characters")
    kind = loaded()
    for name in ASKED:
        setattr(kind, name, _guarded(getattr(kind, name)))
    return kind


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kind's method that raises no exit and no cancellation: a KindFault instead."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with contained():
            return method(*args, **kwargs)

    return call


def all_kinds() -> list[AnyKind]:
    """Return every kind that can be used (`jobs.kinds.discovery` says in which order)."""
    return list(_kinds().kinds.values())


def broken() -> list[Broken]:
    """Return what is named somewhere as a kind and cannot be used; it is left out everywhere."""
    return _kinds().broken


def find(name: str) -> AnyKind | None:
    """Return the kind of this name; None where there is none (any more)."""
    return _kinds().kinds.get(name)


def get(name: str) -> AnyKind:
    """Return the kind of this name; InvalidParams, pointing at `/kind`, where there is none."""
    try:
        return _kinds().kinds[name]
    except KeyError:
        known = ", ".join(sorted(_kinds().kinds))
        detail = f"There is no job kind {name!r}. Known: {known}."
        raise InvalidParams([{"pointer": "/kind", "detail": detail}], detail) from None


def _pointers(error: ValidationError) -> list[dict[str, str]]:
    """Return pydantic's errors as JSON pointers (RFC 6901) and sentences."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"]]
        found.append({"pointer": "".join(f"/{part}" for part in parts), "detail": item["msg"]})
    return found
