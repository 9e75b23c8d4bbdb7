"""`manage.py secrets keys|add-key|rotate|forget`: the keys of secret parameters, and their end."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from core import clock
from core.words import counted
from jobs.access import factor_secrets
from jobs.access.sso import sessions
from jobs.management.base import ServiceCommand, moment_argument
from jobs.management.progress import progress_bar
from jobs.secrets import keys, store
from jobs.system_log.stream import record_upkeep


class Command(ServiceCommand):
    help = "Look after the stored values of secret parameters and the keys they are encrypted with."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        subcommands = parser.add_subparsers(dest="what", required=True)
        listing = subcommands.add_parser("keys", help="list the keys, newest first, and their use")
        listing.add_argument("--json", action="store_true", help="one JSON array")
        subcommands.add_parser("add-key", help="put a new key first: it encrypts from now on")
        subcommands.add_parser("rotate", help="encrypt what is stored under the newest key")
        ending = subcommands.add_parser("forget", help="delete the secrets of ended jobs")
        ending.add_argument(
            "--ended-before",
            type=moment_argument,
            required=True,
            metavar="WHEN",
            help="of jobs that ended before this date or time (ISO 8601; UTC unless it says)",
        )

    def handle(self, *_: Any, what: str, **options: Any) -> None:
        """Run one subcommand."""
        match what:
            case "keys":
                self._list_keys(options["json"])
            case "add-key":
                said = f"{keys.add_key().id} encrypts from now on."
                record_upkeep("secrets", f"Added a key of secrets: {said}")
                self.stdout.write(said)
            case "rotate":
                self._rotate_secrets()
            case "forget":
                self._forget_secrets(options["ended_before"])

    def _list_keys(self, as_json: bool) -> None:
        used = Counter(store.by_key()) + factor_secrets.by_key() + Counter(sessions.by_key())
        here = [key.id for key in keys.key_ring()]
        rows = [
            {"key": key, "here": key in here, "secrets": used.get(key, 0)}
            for key in dict.fromkeys([*here, *used])
        ]
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for number, row in enumerate(rows):
            place = "" if row["here"] else "  not on this machine"
            newest = "  newest" if row["here"] and number == 0 else ""
            self.stdout.write(f"{row['key']}  {row['secrets']:>10,} secrets{newest}{place}")
        if not rows:
            self.stdout.write("There is no key yet: the first secret makes one.")

    def _forget_secrets(self, ended_before: datetime) -> None:
        with transaction.atomic():
            count = store.forget_ended(ended_before)
            jobs = f"jobs that ended before {clock.rfc3339(ended_before)}"
            record_upkeep("secrets", f"Deleted {counted(count, 'secret')} of {jobs}")
        self.stdout.write(f"{count} deleted.")

    def _rotate_secrets(self) -> None:
        done = 0
        with progress_bar("Encrypting", store.count_outdated()) as advance:
            for count in store.rotate_keys():
                done += count
                advance(count)
        done += factor_secrets.rotate_keys() + sessions.rotate_keys()
        said = f"{done} encrypted anew; all are under {keys.newest_key().id}."
        record_upkeep("secrets", f"Rotated the key of secrets: {said}")
        self.stdout.write(said)
