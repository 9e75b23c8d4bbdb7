"""Code that others wrote (job kinds): what it raises and returns, made safe for its caller.

`SystemExit` and `KeyboardInterrupt` end an event loop, `StopIteration` cannot be set on a future
(cpython#112182), `CancelledError` says nothing about who cancelled. None of these may leave the
code that raised it as itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from core.errors import LONGEST_DESCRIPTION, RepriseError, storable_text

T = TypeVar("T")

LONGEST_WORDS = 4000
LONGEST_NAME = 200
PARTS_SAID = 3
_EXACT = {str, int, bool, float, type(None)}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """An error in words: its type's name, and what it says ("" where it says nothing)."""

    type: str
    message: str

    def __str__(self) -> str:
        if self.message.startswith(self.type):
            return self.message
        return f"{self.type}: {self.message}" if self.message else self.type


class KindFault(Exception):
    """Foreign code raised what must not be raised any further; `str()` is "SystemExit: 2"."""

    def __init__(self, error: BaseException, why: str = "") -> None:
        words = describe(error)
        self.error = error
        self.words = Words(words.type, words.message or why)
        super().__init__(str(self.words))


def describe(error: BaseException) -> Words:
    """Return an error in words, at most LONGEST_WORDS characters, whatever its methods do."""
    if isinstance(error, KindFault):
        return Words(error.words.type, str(error.words))
    try:
        name = plain_text(type(error).__name__)[:LONGEST_NAME]
    except BaseException:  # noqa: BLE001 - a metaclass is foreign code too
        name = "Exception"
    try:
        message = plain_text(str(error))[:LONGEST_WORDS] + _parts(error)
    except BaseException as second:  # noqa: BLE001 - as is `__str__`
        message = f"its message cannot be shown: str() raised {type(second).__name__}"
    return Words(name, message[:LONGEST_WORDS])


def describe_error(error: BaseException) -> str:
    """Return an error in one text fit to be stored: "ValueError: no such host".

    Of a RepriseError the message alone.
    """
    words = error.message if isinstance(error, RepriseError) else str(describe(error))
    return storable_text(words)[:LONGEST_DESCRIPTION]


def _parts(error: BaseException) -> str:
    """Return what the first errors in a group are, however deep: the group itself hardly says."""
    if not isinstance(error, BaseExceptionGroup):
        return ""
    return ": " + "; ".join(str(describe(part)) for part in islice(parts(error), PARTS_SAID))


def plain_text(text: str) -> str:
    """Return the characters of a `str` or a subclass as a `str`; TypeError for anything else."""
    return str.__str__(text)


def parts(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group, however deep, and those in their groups; else the error."""
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseExceptionGroup):
            waiting += reversed(one.exceptions)
        else:
            yield one


@contextmanager
def contained(passes: Callable[[BaseException], bool] = lambda _: False) -> Iterator[None]:
    """Raise as a KindFault what foreign code raises and is no ordinary `Exception`.

    What `passes` says yes to is left as it is: a run's own signals.
    """
    try:
        yield
    except StopIteration as error:
        raise KindFault(error) from error
    except Exception:
        raise
    except BaseException as error:
        if passes(error):
            raise
        raise KindFault(error) from error


@dataclass(frozen=True, slots=True)
class Caught(Generic[T]):
    """How a call ended, as a value: a future or a task carries it whatever was raised."""

    value: T | None = None
    error: BaseException | None = None

    def open(self, passes: Callable[[BaseException], bool] = lambda _: False) -> T:
        """Return what the call returned; raise what it raised, contained."""
        if self.error is not None:
            with contained(passes):
                raise self.error
        return self.value  # type: ignore[return-value]  # None is T where the call returned it


def caught(fn: Callable[..., T], *args: Any) -> Caught[T]:
    """Call a function and return how that ended; it raises nothing."""
    try:
        return Caught(fn(*args))
    except BaseException as error:  # noqa: BLE001 - that is what it is for
        return Caught(error=error)


def plain(value: Any) -> Any:
    """Return a JSON value as one of exact built-in types, as it will be read from the log.

    Raises TypeError, ValueError or RecursionError for what is not JSON. Objects of foreign classes
    are asked for their items here, and never again where an event is written.
    """
    if type(value) in _EXACT:
        return value
    with contained():
        return json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False))


def plain_data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event's data made `plain`; the same object where it is already."""
    if all(type(value) in _EXACT for value in data.values()):
        return data
    return {name: plain(value) for name, value in data.items()}


def report(said: str, error: BaseException, job: object) -> None:
    """Log an error with its traceback; in words alone where it cannot be formatted."""
    extra = {"action": "kind", "job": job}
    try:
        logger.error(said, exc_info=error, extra=extra)
    except BaseException:  # noqa: BLE001 - formatting calls foreign methods
        logger.error("%s: %s", said, describe(error), extra=extra)
