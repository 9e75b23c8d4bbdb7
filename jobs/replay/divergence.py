"""Where a handler and a record part, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.user_code import plain
from jobs.events.fold import StepKey
from jobs.replay.recorded import RecordedCall
from jobs.run.errors import Diverged
from jobs.run.retry import Retry
from jobs.secrets.masking import MASK


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where a handler does not do what its record has.

    `seq` is the event that the handler does not come to, `recorded` and `asked` are both sides in
    words, `source` is the line of the kind's code that asked: "package/module.py:42".
    """

    seq: int
    step: str | None
    target: str | None
    recorded: str
    asked: str
    source: str | None

    def __str__(self) -> str:
        step = f", step {self.step}" if self.step else ""
        target = f" on {self.target}" if self.target else ""
        lines = [
            f"The handler and its record part at event {self.seq}{step}{target}.",
            f"  recorded: {self.recorded}",
            f"  asked:    {self.asked}",
        ]
        return "\n".join([*lines, f"  source:   {self.source}"] if self.source else lines)


class AskedOtherwise(Diverged):
    """The handler asks for a recorded step, but not as it was asked for."""

    def __init__(self, key: StepKey, seq: int, was: str, now: str) -> None:
        super().__init__(f"The log has {was}, but the handler asks for {now}.", key, key)
        self.seq, self.was, self.now = seq, was, now


@dataclass(frozen=True, slots=True)
class Asked:
    """What a handler asks of a step, a sleep or a wait beside its name."""

    timeout: float | None = None
    retry: Retry | None = None  # None: it is none that could be tried again
    input: Any = None
    span: float | None = None
    until: str | None = None


def compare_call(key: StepKey, call: RecordedCall, asked: Asked) -> None:
    """Raise AskedOtherwise if a step was recorded as something else than what is asked for now.

    Only what the log has is compared: older records have neither inputs nor policies, but tries.
    """
    if call.is_redacted:
        return
    for was, now in (*_differences(call.asked, asked), *_tries_differ(call, asked)):
        raise AskedOtherwise(key, call.seq, was, now)


def is_same(recorded: Any, now: Any) -> bool:
    """Return whether two JSON values are the same, as far as the recorded one is not masked."""
    match recorded:
        case str() if MASK in recorded:
            return isinstance(now, str)
        case Mapping():
            return (
                isinstance(now, Mapping)
                and recorded.keys() == now.keys()
                and all(is_same(value, now[name]) for name, value in recorded.items())
            )
        case list():
            return (
                isinstance(now, list)
                and len(recorded) == len(now)
                and all(map(is_same, recorded, now))
            )
    return bool(recorded == now)


def _differences(was: Mapping[str, Any], asked: Asked) -> list[tuple[str, str]]:
    now = {"timeout": asked.timeout, "input": plain(asked.input), "span": asked.span}
    if asked.until is not None and "span" not in was:
        now["until"] = asked.until
    if asked.retry is not None:
        now["retry"] = asked.retry.as_data()
    return [
        (_describe_member(name, was[name]), _describe_member(name, value))
        for name, value in now.items()
        if name in was and not is_same(was[name], value)
    ]


def _tries_differ(call: RecordedCall, asked: Asked) -> list[tuple[str, str]]:
    """Compare what became of a step with what would become of it now, where that is certain."""
    if asked.retry is None or "retry" in call.asked:
        return []
    most, tried = asked.retry.tries, len(call.tries)
    policy = f"at most {most} tries"
    if tried > most:
        return [(f"{tried} tries", policy)]
    if not call.tries or "error" not in (last := call.tries[-1].data):
        return _too_slow(call, asked)
    error = last["error"]
    given_up = call.tries[-1].type == "step.failed" and error.get("type") not in _FROM_OUTSIDE
    if given_up and tried < most and Exception in asked.retry.on:
        return [(f"given up after {tried} tries ({error.get('type')})", f"{most} tries")]
    return []


_FROM_OUTSIDE = frozenset({"Cancelled", "CancelledError", "WorkerLost"})


def _too_slow(call: RecordedCall, asked: Asked) -> list[tuple[str, str]]:
    took = call.tries[-1].data.get("seconds") if call.tries else None
    if took is None or asked.timeout is None or took <= asked.timeout + 1:
        return []
    return [(f"a success after {took:g} s", f"a timeout of {asked.timeout:g} s")]


def _describe_member(name: str, value: Any) -> str:
    match name, value:
        case "retry", Mapping():
            wait = f"{value['wait']:g} s, times {value['factor']:g}, at most {value['longest']:g} s"
            jitter = ", with jitter" if value["jitter"] else ""
            return f"retry: {value['tries']} tries, {wait}{jitter}, on {', '.join(value['on'])}"
        case _, None:
            return f"no {name}"
        case "timeout" | "span", _:
            return f"{name} of {value:g} s"
    return f"{name} {value}"
