"""`manage.py targets import|list`: the inventory from a file, and to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.errors import InvalidParams
from jobs.events import one_line
from jobs.management.base import ServiceCommand
from jobs.models import Target
from jobs.targets import diff, select_targets, yaml_file


class Command(ServiceCommand):
    help = "Fill the inventory of targets from a YAML file, and list it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two subcommands."""
        subcommands = parser.add_subparsers(dest="what", required=True)
        taking = subcommands.add_parser("import", help="add and change what a file names")
        taking.add_argument("file", type=Path, help="YAML: a list of targets")
        taking.add_argument("--dry-run", action="store_true", help="only print what would change")
        taking.add_argument("--prune", action="store_true", help="remove targets not in the file")
        taking.add_argument("--json", action="store_true", help="print one JSON object")
        listing = subcommands.add_parser("list", help="list targets by name")
        listing.add_argument("selector", nargs="*", help="names, group:NAME, label:NAME=VALUE")
        listing.add_argument("--json", action="store_true", help="one JSON object a line, whole")

    def handle(self, *_: Any, what: str, **options: Any) -> None:
        """Run one subcommand."""
        try:
            if what == "import":
                self._import_file(**options)
            else:
                self._list_targets(options["selector"], options["json"])
        except InvalidParams as error:
            raise CommandError(" ".join(one["detail"] for one in error.errors)) from error

    def _import_file(self, file: Path, dry_run: bool, prune: bool, **options: Any) -> None:
        wanted = yaml_file.read_file(file)
        make = diff.compare_inventory if dry_run else diff.apply_changes
        made = make(wanted, prune=prune)
        if options["json"]:
            self.stdout.write(one_line(json.dumps(made.as_dict(), ensure_ascii=False)))
            return
        for line in made.lines():
            self.stdout.write(line)
        counts = (
            f"{len(made.added)} added, {len(made.changed)} changed, {len(made.removed)} removed"
        )
        told = "Dry run: nothing was stored." if dry_run else "Done."
        self.stdout.write(f"{counts}, {made.same} as they were. {told}")

    def _list_targets(self, wanted: list[str], as_json: bool) -> None:
        found = select_targets(wanted) if wanted else list(Target.objects.order_by("name"))
        for target in found:
            if as_json:
                row = {"name": target.name}
                row |= {name: getattr(target, name) for name in diff.FIELDS}
                self.stdout.write(one_line(json.dumps(row, ensure_ascii=False)))
            else:
                labels = ",".join(f"{name}={value}" for name, value in target.labels.items())
                row_of = (target.name, target.group, target.transport, target.address, labels)
                self.stdout.write("\t".join(row_of))
