"""What this process has delivered and repaired, counted; `/metrics` shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_HELP = {
    "followers": ("gauge", "Open followers by transport."),
    "sent_events": ("counter", "Events written to followers, by transport."),
    "hints": ("counter", "Hints heard from the channel layer: used, old, gap, large, stray, bad."),
    "heals": ("counter", "Gaps filled from the log, by how they were noticed."),
    "poll_heals": ("counter", "Gaps that only the poll noticed: hints that were lost."),
    "page_reads": ("counter", "Pages of history read from the log."),
    "page_hits": ("counter", "Pages of history served from memory, or shared while being read."),
    "read_failures": ("counter", "Reads of the log that failed, by what wanted them."),
    "slow_closes": ("counter", "Connections closed because they took nothing for 30 s."),
    "restarts": ("counter", "Starts anew of this process's own tasks, by task."),
    "jobs": ("gauge", "Jobs with a ring in memory."),
}


@dataclass(slots=True)
class Counters:
    """Numbers by name and label; every name is in the table above. Not shared between threads."""

    values: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, name: str, label: str = "", amount: int = 1) -> None:
        """Count `amount` more (or fewer, for a gauge) of `name`."""
        self.values[name, label] += amount

    def get(self, name: str, label: str | None = None) -> int:
        """Return a count; without a label, the sum over all its labels."""
        if label is not None:
            return self.values[name, label]
        return sum(count for (other, _), count in self.values.items() if other == name)

    def text(self) -> str:
        """Return everything in Prometheus' text format 0.0.4."""
        lines: list[str] = []
        for name, (kind, about) in _HELP.items():
            full = f"reprise_stream_{name}" + ("_total" if kind == "counter" else "")
            lines += [f"# HELP {full} {about}", f"# TYPE {full} {kind}"]
            found = {label: n for (other, label), n in self.values.items() if other == name}
            for label, count in sorted((found or {"": 0}).items()):
                lines.append(f'{full}{{of="{label}"}} {count}' if label else f"{full} {count}")
        return "\n".join(lines) + "\n"


counters = Counters()
