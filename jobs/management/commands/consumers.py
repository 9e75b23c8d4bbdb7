"""`manage.py consumers`: how far the readers of the feed are; sends one back, switches one off."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from jobs.feed import consumers
from jobs.feed.consumers import Standing
from jobs.management.base import ServiceCommand


class Command(ServiceCommand):
    help = "List the consumers of the feed of all jobs: position, lag in events, failures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--reset", metavar="NAME", help="replay the feed to this consumer from the start"
        )
        which.add_argument("--skip", metavar="NAME", help="skip everything it has not received yet")
        which.add_argument("--disable", metavar="NAME", help="disable this consumer")
        which.add_argument("--enable", metavar="NAME", help="enable this consumer")
        which.add_argument(
            "--forget", metavar="NAME", help="delete a consumer that is no longer used"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if name := options["reset"] or options["skip"]:
            consumers.reset_checkpoint(name, to_end=options["skip"] is not None)
        elif name := options["enable"] or options["disable"]:
            consumers.set_enabled([name], on=options["enable"] is not None)
        elif name := options["forget"]:
            consumers.forget_consumer(name)
        found = consumers.consumer_status()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], default=str))
        else:
            self._write_table(found)

    def _write_table(self, found: list[Standing]) -> None:
        width = max((len(one.name) for one in found), default=4)
        self.stdout.write(f"{'name':<{width}}  {'position':>12}  {'lag':>10}  failures")
        for one in found:
            trouble = f"{one.failures} ({one.error})" if one.failures else "0"
            trouble += "" if one.enabled else ", disabled"
            trouble += f", {one.left_out} left out ({one.error})" if one.left_out else ""
            self.stdout.write(
                f"{one.name:<{width}}  {one.position:>12,}  {one.lag:>10,}  {trouble}"
            )
