"""What a benchmark says: bars with their figures, as a table, as JSON and as a plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core import clock


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise and what was seen of it.

    `figure` is the ratio (or count, or seconds) that `wanted` bounds, from below or from above;
    `ours` and `bare` are the figures that it comes from, in `unit`. A bar without `wanted` is
    reported, not judged.
    """

    name: str
    figure: float
    wanted: str = ""
    ours: float | None = None
    bare: float | None = None
    unit: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Whether the promise is kept; None if none is made."""
        if not self.wanted:
            return None
        sign, bound = self.wanted.split()
        return self.figure >= float(bound) if sign == "≥" else self.figure <= float(bound)


def middle_rate(ends: Sequence[float]) -> float:
    """Return how many a second ended, of moments in order.

    From a fifth of them on, up to nineteen in twenty: all have started by then, none runs dry.
    """
    first, last = len(ends) // 5, len(ends) * 19 // 20
    return (last - first) / (ends[last] - ends[first])


def table(bars: Sequence[Bar]) -> Table:
    """Return the bars as a table for a terminal."""
    made = Table("", "what", "ours", "bare", "figure", "wanted", "notes", box=None, pad_edge=False)
    signs = {True: "✓", False: "✗", None: "·"}
    for bar in bars:
        notes = ", ".join(f"{name} {_number(value)}" for name, value in bar.notes.items())
        made.add_row(
            signs[bar.holds], bar.name, _figure(bar.ours, bar.unit), _figure(bar.bare, bar.unit),
            f"{bar.figure:.3g}", bar.wanted, notes,
        )  # fmt: skip
    return made


def write(name: str, bars: Sequence[Bar], folder: Path) -> list[Path]:
    """Print the table; write `<name>.json` and `<name>.svg` into the folder; return their paths."""
    Console(width=max(140, Console().width)).print(table(bars))
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "bench": name,
        "at": clock.rfc3339(clock.now()),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "bars": [{**asdict(bar), "holds": bar.holds} for bar in bars],
    }
    as_json, as_plot = folder / f"{name}.json", folder / f"{name}.svg"
    as_json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    _plot(bars, as_plot)
    return [as_json, as_plot]


def _plot(bars: Sequence[Bar], path: Path) -> None:
    """Draw each judged figure as a share of its bound, so that one axis fits all."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    judged = [bar for bar in bars if bar.wanted]
    figure, axes = plt.subplots(figsize=(9, 0.5 + 0.4 * max(len(judged), 1)))
    shares = [bar.figure / float(bar.wanted.split()[1]) for bar in judged]
    colours = ["#2f855a" if bar.holds else "#c53030" for bar in judged]
    axes.barh([f"{bar.name} ({bar.wanted})" for bar in judged], shares, color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("figure / bound (≥: right of the line holds, ≤: left of it)")
    axes.invert_yaxis()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{_number(value)} {unit}".strip()


def _number(value: Any) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
