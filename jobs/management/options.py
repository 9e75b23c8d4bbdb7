"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

OWNER = "REPRISE_SUPERUSER_DATABASE_URL"


def add_owner_url(parser: CommandParser) -> None:
    """Declare the option for the database's address as a role with more rights."""
    parser.add_argument(
        "--owner-url",
        help="the database as a role with the attribute REPLICATION, or as its superuser; "
        f"{OWNER}, where this is not given, does not show in the list of processes",
    )


def owner_url(options: Mapping[str, Any]) -> str:
    """Return that address: the option's, else the environment's, else the application's."""
    found: str | None = options["owner_url"] or os.environ.get(OWNER)
    return found or str(settings.REPRISE.database_url)
