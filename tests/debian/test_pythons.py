"""Which Pythons what is locked can be had for."""

from __future__ import annotations

import pytest

from ops.setup import requirements
from ops.setup.clone import Clone


@pytest.mark.parametrize("version", requirements.PYTHONS)
def test_all_that_is_locked_can_be_had_for_each_python(version: str) -> None:
    clone = Clone.from_env()
    requirements.check_python(clone, clone.venv / "bin" / "uv", version)
