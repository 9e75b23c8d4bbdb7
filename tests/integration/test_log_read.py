"""Pages of a job's log, wherever the cursor stands."""

from __future__ import annotations

import pytest

from jobs import log
from tests.factories import ATTEMPT, make_job

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("after", [0, 32_000, 32_767, 40_000, 2**31 - 1])
def test_a_page_may_begin_anywhere(after: int) -> None:
    job = make_job(events=[ATTEMPT])
    page = log.read(job.pk, after, limit=1000)
    assert page.last == (2 if after == 0 else after)
