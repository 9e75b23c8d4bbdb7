"""The pages in a real browser, against a copy that `ops/up` runs."""

import pytest

pytest.register_assert_rewrite("tests.browser.job_page")
