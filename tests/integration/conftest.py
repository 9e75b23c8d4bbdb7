"""Fixtures that integration tests share: the people, and kinds that anybody may submit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from jobs.kinds import registry
from tests import cast as casting
from tests import kinds
from tests.cast import Cast


@pytest.fixture
def cast(database: str) -> Cast:
    """The people of the tests, in this test's database."""
    return casting.make()


@pytest.fixture
def say_kinds() -> Iterator[None]:
    """The kinds of `tests.kinds` beside the built-in ones."""
    registry._kinds.cache_clear()
    with override_settings(REPRISE_KINDS=kinds.PATHS):
        yield
    registry._kinds.cache_clear()
