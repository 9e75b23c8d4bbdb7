"""Reads the settings from an environment, as a process that starts in it does."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from core.config import Config


def settings_from(variables: Mapping[str, str]) -> Config:
    """Return the settings of a process that has these variables of ours and no others."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("REPRISE_")]:
            patch.delenv(name)
        for name, value in {"REPRISE_SECRET_KEY": "x", **variables}.items():
            patch.setenv(name, value)
        return Config.from_env()
