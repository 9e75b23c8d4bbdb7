"""When a step that failed is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Retry:
    """A policy: so many tries, and how long it is from the end of one to the start of the next.

    The wait grows from `wait` seconds by `factor` with each try, up to `longest`. With `jitter` it
    is drawn evenly from 0 to that, so that targets that failed together do not come back together
    ("full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    Only exceptions that are `on` are worth another try; a timeout is a TimeoutError.
    """

    tries: int = 3
    wait: float = 1.0
    factor: float = 2.0
    longest: float = 60.0
    jitter: bool = True
    on: tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        if self.tries < 1 or self.wait < 0 or self.factor < 1 or self.longest < 0:
            raise ValueError(f"Invalid retry policy: {self}")

    def again(self, tried: int, error: BaseException) -> bool:
        """Return whether a step that has failed `tried` times, now by `error`, is tried again.

        What is no `Exception` (an exit) counts as one.
        """
        worth = isinstance(error, self.on) or (
            Exception in self.on and not isinstance(error, Exception)
        )
        return tried < self.tries and worth

    def as_data(self) -> dict[str, Any]:
        """Return the policy as JSON, its exceptions by their names, as a step's start has it."""
        own = {name: getattr(self, name) for name in Retry.__slots__}
        return {**own, "on": [error.__name__ for error in self.on]}

    def seconds(self, tried: int, chance: Callable[[], float] = random.random) -> float:
        """Return how long to wait after so many failed tries; `chance` draws from [0, 1)."""
        try:
            longest = min(self.longest, self.wait * self.factor ** (tried - 1))
        except OverflowError:
            longest = self.longest
        return longest * chance() if self.jitter else longest


ONCE = Retry(tries=1)
